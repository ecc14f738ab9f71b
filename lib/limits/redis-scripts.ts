// What runs inside Redis, in Lua 5.1. Each script touches keys of one slot, takes the time from Redis alone and gives every
// key it writes an end. Numbers come back whole, because Redis cuts off the rest.

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** A key lives as long as the longest claim on it. */
const KEEP = `
local function keep(key, ms)
	if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, ms) end
end
`;

/** The number of the day, and of the month: counted from March, so that the leap day is the last of a year. */
export const PERIODS: string = `
local day = math.floor(now / 86400000)
local era = math.floor((day + 719468) / 146097)
local dayOfEra = day + 719468 - era * 146097
local year = math.floor((dayOfEra - math.floor(dayOfEra / 1460) + math.floor(dayOfEra / 36524) - math.floor(dayOfEra / 146096)) / 365)
local dayOfYear = dayOfEra - (365 * year + math.floor(year / 4) - math.floor(year / 100))
local month = 12 * (400 * era + year) + math.floor((5 * dayOfYear + 2) / 153)
`;

/**
 * KEYS: places of a subject, a hash of gateway -> "count end". ARGV: gateway, lease, limit, held, need, want.
 * Returns how many the gateway holds from now on. An end further away than two leases was written before the clock of
 * Redis went back, and counts as over.
 */
const places = `${NOW}${KEEP}
local lease, limit, held = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local need, want = tonumber(ARGV[5]) - held, tonumber(ARGV[6]) - ARGV[5]
local others, all = 0, redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
	local count, till = string.match(all[i + 1], '^(%d+) (%d+)$')
	till = tonumber(till) or 0
	if till <= now or till > now + 2 * lease then redis.call('HDEL', KEYS[1], all[i])
	elseif all[i] ~= ARGV[1] then others = others + count end
end
local free = math.max(0, limit - others - held)
local granted = math.min(need, free)
held = held + granted + math.min(want, math.floor((free - granted) / 2))
if held == 0 then
	redis.call('HDEL', KEYS[1], ARGV[1])
else
	redis.call('HSET', KEYS[1], ARGV[1], held .. ' ' .. (now + lease))
	keep(KEYS[1], lease)
end
return held
`;

/**
 * KEYS: places of many subjects. ARGV: gateway, lease, then a count for each key; 0 takes the gateway out.
 * Returns how many of the keys hold something that is not ours.
 */
const hold = `${NOW}${KEEP}
local foreign = 0
for i, key in ipairs(KEYS) do
	local count, reply = ARGV[i + 2], nil
	if count == '0' then
		reply = redis.pcall('HDEL', key, ARGV[1])
	else
		reply = redis.pcall('HSET', key, ARGV[1], count .. ' ' .. (now + ARGV[2]))
		if type(reply) == 'number' then keep(key, tonumber(ARGV[2])) end
	end
	if type(reply) == 'table' and reply.err then
		if not string.find(reply.err, 'WRONGTYPE', 1, true) then return reply end
		foreign = foreign + 1
	end
end
return foreign
`;

/** KEYS: a salt. ARGV: ours or '', its end in milliseconds of Redis' clock. Returns what is stored from now on, or nil. */
const agree = `
local stored = redis.call('GET', KEYS[1])
if not stored and ARGV[1] ~= '' then
	redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
	stored = ARGV[1]
end
return stored
`;

/** KEYS: the gateways that live, by the end of their lease. ARGV: gateway, lease (0: it is none). Returns how many, and the time. */
const alive = `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ARGV[2] ~= '0' then
	redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return { redis.call('ZCARD', KEYS[1]), now }
`;

/**
 * KEYS: bytes of a subject. ARGV: for up and for down the rate and what is wanted; for day and for month the limit and what is
 * wanted; the end of the key; then, from the key of the last salt, day and its bytes, month and its bytes, or nothing.
 * 0 is no limit. Returns what is granted of up, down, day and month, and when to come again.
 *
 * A bucket has room for what is wanted and a fifth of a second's worth more, which is what two gateways in turn leave in it;
 * so a rate is kept to 2 % over ten seconds. A quarter of what is wanted is granted, less is not worth the way.
 * What is used is forgotten when it would have come back at the quota's own pace, so that forgetting gives nothing away.
 */
const draw = `${NOW}${PERIODS}
local kept = redis.call('HMGET', KEYS[1], 'u', 'ut', 'd', 'dt', 'day', 'db', 'month', 'mb', 'carried')
local set, ttl, wait = {}, 0, 0
local function put(name, value)
	set[#set + 1] = name
	set[#set + 1] = value
end
local function flow(name, rate, want, tokens, at)
	if rate == 0 then return want end
	local room = want + rate / 5
	if tokens then tokens = math.min(room, tokens + rate * math.max(0, now - at) / 1000)
	else tokens = math.max(want, rate / 10) end
	local granted = math.floor(math.min(want, tokens))
	if granted < want / 4 then granted = 0 end
	tokens = tokens - granted
	put(name, string.format('%.3f', tokens))
	put(name .. 't', string.format('%.0f', now))
	ttl = math.max(ttl, 1000 + 1000 * room / rate)
	wait = math.max(wait, math.ceil(1000 * (want - tokens) / rate))
	return granted
end
local function quota(limit, want, name, period, bytes, keptPeriod, kept, carriedPeriod, carried, ms)
	if limit == 0 then return want end
	local used = 0
	if tonumber(keptPeriod) == period then used = tonumber(kept) or 0 end
	if tonumber(carriedPeriod) == period then used = used + carried end
	local granted = math.max(0, math.min(want, limit - used))
	used = used + granted
	put(name, string.format('%.0f', period))
	put(bytes, string.format('%.0f', used))
	ttl = math.max(ttl, 60000, ms * used / limit)
	return granted
end
local a = {}
for i = 1, 9 do a[i] = tonumber(ARGV[i]) end
local carried = { nil, 0, nil, 0 }
if ARGV[10] and not kept[9] then
	for i = 1, 4 do carried[i] = tonumber(ARGV[9 + i]) or 0 end
	put('carried', '1')
end
local up = flow('u', a[1], a[2], tonumber(kept[1]), tonumber(kept[2]))
local down = flow('d', a[3], a[4], tonumber(kept[3]), tonumber(kept[4]))
local today = quota(a[5], a[6], 'day', day, 'db', kept[5], kept[6], carried[1], carried[2], 86400000)
local this = quota(a[7], a[8], 'month', month, 'mb', kept[7], kept[8], carried[3], carried[4], 2592000000)
if #set > 0 then
	redis.call('HSET', KEYS[1], unpack(set))
	redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, math.min(ttl, a[9] - now))))
end
return { up, down, today, this, wait }
`;

/** KEYS: places of a subject. Returns what each gateway holds. */
const open = `${NOW}
local counts, all = {}, redis.call('HVALS', KEYS[1])
for _, value in ipairs(all) do
	local count, till = string.match(value, '^(%d+) (%d+)$')
	if tonumber(till or 0) > now then counts[#counts + 1] = tonumber(count) end
end
return counts
`;

/** KEYS: bytes of a subject. Returns what was used of the day and of the month. */
const used = `${NOW}${PERIODS}
local kept = redis.call('HMGET', KEYS[1], 'day', 'db', 'month', 'mb')
local function of(period, now, bytes) return tonumber(period) == now and tonumber(bytes) or 0 end
return { of(kept[1], day, kept[2]), of(kept[3], month, kept[4]) }
`;

/** KEYS: bytes of a subject. ARGV: bytes of the day and of the month that were not used. */
const giveBack = `
for i, name in ipairs({ 'db', 'mb' }) do
	local used = tonumber(redis.call('HGET', KEYS[1], name) or 0)
	if used > 0 then redis.call('HSET', KEYS[1], name, string.format('%.0f', math.max(0, used - ARGV[i]))) end
end
return 1
`;

/** KEYS: failures of a subject. ARGV: their window. Returns how many there are in it. */
const fail = `
local failures = redis.call('INCR', KEYS[1])
if failures == 1 or redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return failures
`;

/**
 * KEYS: bans by their end; whose ban was changed, by when. ARGV: whose, for how long (0: no longer), how many bans and how
 * many changes are kept, and for how long those. Returns the end of the ban, or nil.
 *
 * Moments of change differ, so that none is missed by who asks for what came after the last.
 */
const ban = `${NOW}
local ms = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ms > 0 then redis.call('ZADD', KEYS[1], 'GT', now + ms, ARGV[1]) else redis.call('ZREM', KEYS[1], ARGV[1]) end
local changed, over = { ARGV[1] }, redis.call('ZCARD', KEYS[1]) - ARGV[3]
if over > 0 then
	local popped = redis.call('ZPOPMIN', KEYS[1], over)
	for i = 1, #popped, 2 do changed[#changed + 1] = popped[i] end
end
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if last[2] then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', last[2] - now)) end
local before = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
local at = math.max(now, (tonumber(before[2]) or 0) + 1)
for i, whose in ipairs(changed) do redis.call('ZADD', KEYS[2], string.format('%.0f', at + i - 1), whose) end
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return redis.call('ZSCORE', KEYS[1], ARGV[1])
`;

/**
 * KEYS: as above. ARGV: the last moment known, how many at most, for how long changes are kept. Returns whose, when and the
 * end of the ban or '0', in turn. What is over goes: no key of an old salt is carried along by new ones.
 */
const bansSince = `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])
local changes = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local found = {}
for i = 1, #changes, 2 do
	found[#found + 1] = changes[i]
	found[#found + 1] = changes[i + 1]
	found[#found + 1] = redis.call('ZSCORE', KEYS[1], changes[i]) or '0'
end
return found
`;

/** KEYS: exits of a session, a hash of place -> "end exit". Returns place, exit and what is left of it, in turn. */
const exits = `${NOW}
local all, found = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
	local till, exit = string.match(all[i + 1], '^(%d+) (.+)$')
	if till and tonumber(till) > now then
		found[#found + 1] = all[i]
		found[#found + 1] = exit
		found[#found + 1] = string.format('%.0f', till - now)
	end
end
return found
`;

/**
 * KEYS: as above. ARGV: place, exit, for how long, one that does not count any more or '', whether an exit that is kept is to
 * last longer by it. Returns the exit that is kept from now on.
 */
const keepExit = `${NOW}${KEEP}
local till, exit = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+) (.+)$')
if till and tonumber(till) > now and exit ~= ARGV[4] and (exit ~= ARGV[2] or ARGV[5] == '0') then return exit end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now + ARGV[3]) .. ' ' .. ARGV[2])
keep(KEYS[1], tonumber(ARGV[3]))
return ARGV[2]
`;

/** For ioredis, by the name of the method each becomes. Without `numberOfKeys` the first argument says how many. */
export const SCRIPTS: Readonly<Record<keyof ScriptMethods, { readonly lua: string; readonly numberOfKeys?: number }>> =
	{
		bautaPlaces: { lua: places, numberOfKeys: 1 },
		bautaHold: { lua: hold },
		bautaAgree: { lua: agree, numberOfKeys: 1 },
		bautaAlive: { lua: alive, numberOfKeys: 1 },
		bautaDraw: { lua: draw, numberOfKeys: 1 },
		bautaOpen: { lua: open, numberOfKeys: 1 },
		bautaUsed: { lua: used, numberOfKeys: 1 },
		bautaGiveBack: { lua: giveBack, numberOfKeys: 1 },
		bautaFail: { lua: fail, numberOfKeys: 1 },
		bautaBan: { lua: ban, numberOfKeys: 2 },
		bautaBansSince: { lua: bansSince, numberOfKeys: 2 },
		bautaExits: { lua: exits, numberOfKeys: 1 },
		bautaKeepExit: { lua: keepExit, numberOfKeys: 1 },
	};

type Arg = string | number;

/** The methods that ioredis makes of SCRIPTS. */
export interface ScriptMethods {
	bautaPlaces(
		key: string,
		gateway: string,
		leaseMs: number,
		limit: number,
		held: number,
		need: number,
		want: number,
	): Promise<number>;
	bautaHold(keyCount: number, ...keysAndArguments: Arg[]): Promise<number>;
	bautaAgree(key: string, salt: string, endMs: number): Promise<string | null>;
	bautaAlive(key: string, gateway: string, leaseMs: number): Promise<[gateways: number, nowMs: number]>;
	bautaDraw(
		key: string,
		...args: Arg[]
	): Promise<[up: number, down: number, day: number, month: number, retryMs: number]>;
	bautaOpen(key: string): Promise<number[]>;
	bautaUsed(key: string): Promise<[dayBytes: number, monthBytes: number]>;
	bautaGiveBack(key: string, day: number, month: number): Promise<number>;
	bautaFail(key: string, windowMs: number): Promise<number>;
	bautaBan(bans: string, changes: string, whose: string, ...args: number[]): Promise<string | null>;
	bautaExits(key: string): Promise<string[]>;
	bautaKeepExit(key: string, place: string, exit: string, ms: number, gone: string, longer: '0' | '1'): Promise<string>;
	bautaBansSince(bans: string, changes: string, ...args: number[]): Promise<string[]>;
}
