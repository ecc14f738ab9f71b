// Every client that the README points at a gateway, by its command, and what is to be seen of it when it came through.
import { ADDRESS, WORD } from './readme-world.ts';

/** What is to be seen of a client that came through. */
export interface Visit {
	readonly command: string;
	readonly program: 'curl' | 'wget' | 'git' | 'ssh' | 'apt-get' | 'chromium' | 'proxychains4';
	/** What the gateway heard. */
	readonly protocol: string;
	/** What the internet was asked for. */
	readonly asked: string;
	/** Prints what came; without it standard output has it. */
	readonly show?: string;
	/** The program says so of a target that hangs up after its greeting. */
	readonly hangsUp?: boolean;
	/** Wants the gateway where only alice gets in. */
	readonly asAlice?: boolean;
	/** Is told the address of example.com, as by DNS. */
	readonly resolves?: boolean;
	/** Another command, which comes before it. */
	readonly after?: string;
}

export const PROXYCHAINS: string = `printf '%s\\n' strict_chain proxy_dns '[ProxyList]' 'socks5 127.0.0.1 1080' > proxychains.conf`;

const REPOSITORY = `git init -q work && echo ${WORD} > work/file && git -C work add file &&
	git -C work -c user.name=a -c user.email=a@example.com commit -q -m a && git clone -q --bare work project.git &&
	git -C project.git update-server-info`;

export const VISITS: readonly Visit[] = [
	{
		command: 'curl --socks5-hostname 127.0.0.1:1080 https://example.com/',
		program: 'curl',
		protocol: 'socks5',
		asked: 'example.com:443',
	},
	{
		command: 'curl --socks5 127.0.0.1:1080 https://example.com/',
		program: 'curl',
		resolves: true,
		protocol: 'socks5',
		asked: `${ADDRESS}:443`,
	},
	{
		command: 'curl --socks4a 127.0.0.1:1080 https://example.com/',
		program: 'curl',
		protocol: 'socks4a',
		asked: 'example.com:443',
	},
	{
		command: 'curl --socks4 127.0.0.1:1080 https://example.com/',
		program: 'curl',
		resolves: true,
		protocol: 'socks4',
		asked: `${ADDRESS}:443`,
	},
	{
		command: 'curl -x http://127.0.0.1:1080 https://example.com/',
		program: 'curl',
		protocol: 'connect',
		asked: 'example.com:443',
	},
	{
		command: 'curl -x http://127.0.0.1:1080 http://example.com/',
		program: 'curl',
		protocol: 'http',
		asked: 'example.com:80',
	},
	{
		command: 'http_proxy=http://127.0.0.1:1080 https_proxy=http://127.0.0.1:1080 wget -O page.html http://example.com/',
		program: 'wget',
		protocol: 'http',
		asked: 'example.com:80',
		show: 'cat page.html',
	},
	{
		command: 'git clone -c http.proxy=socks5h://127.0.0.1:1080 https://example.com/project.git',
		program: 'git',
		protocol: 'socks5',
		asked: 'example.com:443',
		show: 'cat project/file',
		after: REPOSITORY,
	},
	{
		command: "ssh -o ProxyCommand='nc -X 5 -x 127.0.0.1:1080 %h %p' you@example.com",
		program: 'ssh',
		protocol: 'socks5',
		asked: 'example.com:22',
		hangsUp: true,
	},
	{
		command: 'apt-get -o Acquire::http::Proxy=http://127.0.0.1:1080 update',
		program: 'apt-get',
		protocol: 'http',
		asked: 'example.com:80',
		show: 'cat apt/lists/*Packages',
	},
	{
		command: 'chromium --proxy-server=socks5://127.0.0.1:1080 --webrtc-ip-handling-policy=disable_non_proxied_udp',
		program: 'chromium',
		protocol: 'socks5',
		asked: 'example.com:80',
	},
	{
		command: 'proxychains4 -q -f proxychains.conf curl https://example.com/',
		program: 'proxychains4',
		protocol: 'socks5',
		asked: 'example.com:443',
		after: PROXYCHAINS,
	},
	{
		command: 'curl -x http://alice:s3cret@127.0.0.1:1080 https://example.com/',
		program: 'curl',
		protocol: 'connect',
		asked: 'example.com:443',
		asAlice: true,
	},
	{
		command: 'curl -x http://alice-session-a7-ttl-30m:s3cret@127.0.0.1:1080 https://example.com/',
		program: 'curl',
		protocol: 'connect',
		asked: 'example.com:443',
		asAlice: true,
	},
];
