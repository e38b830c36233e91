-- A cached fact, unless one of its subjects, or everything, changed after the fact was read.
-- KEYS[1] the fact. KEYS[2] the present generation. ARGV[1] the prefix of the subjects' marks.
local entry = redis.call('HMGET', KEYS[1], 'mark', 'subjects', 'fact', 'generation')
if not entry[1] then return nil end
local stale = (redis.call('GET', KEYS[2]) or '0') ~= entry[4]
local mark = tonumber(entry[1])
for subject in string.gmatch(entry[2], '[^,]+') do
  local changed = redis.call('GET', ARGV[1] .. subject)
  stale = stale or (changed and tonumber(changed) > mark)
end
if stale then
  redis.call('DEL', KEYS[1])
  return nil
end
return entry[3]
