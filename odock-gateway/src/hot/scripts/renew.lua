-- Puts off the end of leases, on this server's clock. One that has been given back is not brought back to life.
-- KEYS: sorted sets of leases. ARGV[1]: packed little-endian u16 key, 16 bytes lease, u64 milliseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local at, size = 1, #ARGV[1]
while at <= size do
  local key, lease, ttl
  key, lease, ttl, at = struct.unpack('<I2c16I8', ARGV[1], at)
  redis.call('ZADD', KEYS[key], 'XX', string.format('%.0f', now + ttl * 1000), lease)
  redis.call('PEXPIRE', KEYS[key], 7200000)
end
