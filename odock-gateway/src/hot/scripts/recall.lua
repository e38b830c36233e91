-- A cached fact, unless one of its subjects changed after the fact was read.
-- KEYS[1] the fact. ARGV[1] the prefix of the subjects' marks.
local entry = redis.call('HMGET', KEYS[1], 'mark', 'subjects', 'fact')
if not entry[1] then return nil end
local mark = tonumber(entry[1])
for subject in string.gmatch(entry[2], '[^,]+') do
  local changed = redis.call('GET', ARGV[1] .. subject)
  if changed and tonumber(changed) > mark then
    redis.call('DEL', KEYS[1])
    return nil
  end
end
return entry[3]
