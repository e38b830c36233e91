-- Claims an idempotency key, or says what is known of it. hot/once.rs has the words. Time is this server's.
-- KEYS[1] the claim. ARGV: fingerprint, owner, milliseconds of the lease, milliseconds that the outcome is remembered.
local known = redis.call('HMGET', KEYS[1], 'print', 'state', 'owner', 'until', 'answer')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not known[1] then
  local ends = string.format('%.0f', now + ARGV[3])
  redis.call('HSET', KEYS[1], 'print', ARGV[1], 'state', 'open', 'owner', ARGV[2], 'until', ends)
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[3] + ARGV[4]))
  return {'fresh', '', ''}
end
if known[1] ~= ARGV[1] then return {'other', known[3], ''} end
if known[2] == 'open' and tonumber(known[4]) <= now then return {'unknown', known[3], ''} end
return {known[2], known[3], known[5] or ''}
