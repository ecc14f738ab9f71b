import test from 'ava';
import { IDENTIFYING, identifies } from '../../lib/anonymity/identifying.ts';

// What judges, address libraries and operators' documentation list, from public sources; not read off the table.
const REVEALING = `
	via x-via x-bluecoat-via useragent-via cf-ew-via cdn-loop cf-ray cf-visitor x-tinyproxy x-htx-agent
	forwarded x-forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port x-forwarded-server x-forwarded-by
	x-forwarded-user x-forwarded-for-ip forwarded-for forwarded-for-ip x-original-forwarded-for x-originally-forwarded-for
	x-forward-for x-forwarder-for x-imforwards x-fwd-ip-addr x-up-forwarded-for max-forwards coming-from x-coming-from
	x-real-ip client-ip x-client-ip true-client-ip x-true-ip cf-connecting-ip cf-connecting-ipv6 cf-pseudo-ipv4 cf-ipcountry
	fastly-client-ip fly-client-ip x-cluster-client-ip x-proxyuser-ip wl-proxy-client-ip proxy-client-ip x-originating-ip x-original-ip
	x-remote-ip x-remote-addr remote-addr pc-remote-addr x-original-remote-addr x-azc-remote-addr x-azure-clientip x-azure-socketip
	x-envoy-external-address x-nf-client-connection-ip do-connecting-ip ali-cdn-real-ip x-appengine-user-ip x-source-ip x-user-ip
	x-ip x-custom-ip-authorization x-cisco-bbsm-clientip xxx-real-ip client-address clientaddress remote-host-wp rlnclientipaddr
	x-orig-client x-original-host sp-host sp-client cuda-cliip yahooremoteip x-wapipaddr framed-ip-address
	from remote-user x-remote-user x-authenticated-user x-authenticated-groups x-sina-proxyuser
	proxy proxy-connection proxy-authorization proxy-agent proxy-foo x-proxy-id mt-proxy-id x-proxy-user xroxy-connection
	xproxy-connection xonnection x-locking x-serial-number cache-info x-iwproxy-nesting x-teamsite-preremap
	tor-stream-isolation x-tor-stream-isolation tor-family-preference tor-rpc-target
	msisdn x-msisdn y-msisdn x-wap-msisdn x-nokia-msisdn x-h3g-msisdn user-identity-forward-msisdn imisdn x-imsi x-imei x-mdn
	x-up-calling-line-id x-up-subno x-up-subscriber-coi x-up-uplink x-hts-clid x-uidh x-acr x-vf-acr tm-user-id x-piper-id x-amobee-1
	x-wap-profile wap-connection x-nokia-ipaddress x-nokia-gateway-id x-nokia-bearer x-huawei-userid x-huawei-nasip x-jinny-cid
	x-vodafone-3gpdpcontext x-orange-id x-network-info x-att-deviceid x-jphone-uid rim-device-id
`;

// What browsers, libraries and applications write for their origin.
const OWN = `
	accept accept-charset accept-datetime accept-encoding accept-language authorization cache-control content-encoding content-length
	content-type cookie date dnt expect host http2-settings if-match if-modified-since if-none-match if-range if-unmodified-since
	origin pragma prefer priority range referer save-data sec-gpc sec-purpose service-worker te trailer transfer-encoding user-agent
	upgrade upgrade-insecure-requests warning want-digest alt-used early-data dpop idempotency-key last-event-id link purpose
	sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user sec-websocket-key
	sec-websocket-extensions sec-websocket-protocol sec-websocket-version device-memory downlink ect rtt dpr viewport-width width
	x-api-key x-requested-with x-csrf-token x-xsrf-token x-request-id x-correlation-id x-client x-client-data x-client-version
	x-http-method-override x-amz-date x-amz-content-sha256 x-goog-api-client x-ms-version x-up-version x-up-target x-up-mode
	x-shipping-address x-zip x-clip x-trip-id x-membership x-ipsum x-flavia aviary x-forwarding-rule traceparent tracestate b3
	git-protocol depth destination overwrite timeout soapaction x-pingback x-auth-token x-custom cf-access-client-id
`;

function words(text: string): string[] {
	return text.trim().split(/\s+/);
}

for (const name of words(REVEALING)) {
	test(`${name} identifies, with underscores too`, (t) => {
		t.true(identifies(name));
		t.true(identifies(name.replaceAll('-', '_')));
	});
}

for (const name of words(OWN)) {
	test(`${name} is the client's own`, (t) => t.false(identifies(name)));
}

test('every entry of the table takes effect', (t) => {
	for (const { names = [], words: parts = [], prefixes = [], why } of IDENTIFYING) {
		t.regex(why, /\.$/);
		for (const name of names) t.true(identifies(name), name);
		for (const part of parts) for (const name of [part, `x-${part}`, `x-${part}-y`]) t.true(identifies(name), name);
		for (const prefix of prefixes) t.true(identifies(`${prefix}y`), prefix);
	}
});

test('a long name takes no long time', (t) => {
	const long = `x${'-client'.repeat(9_000)}`;
	t.false(identifies(long));
	t.true(identifies(`${long}-ip`));
});
