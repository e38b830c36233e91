-- Ends a claim on an idempotency key, if it is still its owner's.
-- KEYS[1] the claim. ARGV: owner, 'release' or what came of it, the answer, milliseconds that it is remembered.
local known = redis.call('HMGET', KEYS[1], 'owner', 'state')
if known[1] ~= ARGV[1] then return 0 end
if ARGV[2] == 'release' then
  if known[2] == 'open' then redis.call('DEL', KEYS[1]) end
  return 1
end
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'answer', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
