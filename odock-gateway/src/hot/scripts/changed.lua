-- Marks subjects as changed and tells every node.
-- KEYS[1] the counter of changes. ARGV: prefix of the marks, their seconds to live, channel, message, then the subjects.
local now = redis.call('INCR', KEYS[1])
for i = 5, #ARGV do
  redis.call('SET', ARGV[1] .. ARGV[i], now, 'EX', ARGV[2])
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return now
