-- One step on the meters of rate limits: chores first, then all limits are checked, then all take or none does.
-- hot/meters/mod.rs has the rules. Time is this server's.
--
-- KEYS: states of windows and buckets, and sorted sets of leases (by the end of each, in microseconds).
-- ARGV: 1 'take' or 'look'; 2 the lease; then packed little-endian:
--   3 limits: u16 key, u8 scope, u8 shadow, u8 module, f64 of, f64 cost, f64 rate
--   4 releases: u16 key, 16 bytes lease
--   5 corrections: u16 key, u8 module, f64 moment, f64 by
-- A state is a list by module: 2 the bucket {missing, at}, 3 to 5 windows {slot, taken, slot, taken, …}.
-- Answer: now, then for each limit: left, wait (-1 for never), reset, taken.
local PLACES, BUCKET = 1, 2
local SLOT = {[3] = 50000, [4] = 1000000, [5] = 1000000}
local SLOTS = {[3] = 20, [4] = 60, [5] = 60}
local ONE = 60000000
local taking = ARGV[1] == 'take'
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local states, changed = {}, {}
local function state(key)
  if not states[key] then
    local packed = redis.call('GET', KEYS[key])
    states[key] = packed and cmsgpack.unpack(packed) or {0, {0, 0}, {}, {}, {}}
  end
  return states[key]
end

-- Forgets the slots that have left the window; gives what is left and its sum.
local function window(key, module)
  local counts, kept, sum = state(key)[module], {}, 0
  local last = math.floor(now / SLOT[module])
  local first = last - SLOTS[module]
  for i = 1, #counts, 2 do
    if counts[i] >= first then
      -- A clock that was set back must not stop a window: what lies ahead counts as now.
      kept[#kept + 1] = math.min(counts[i], last)
      kept[#kept + 1] = counts[i + 1]
      sum = sum + counts[i + 1]
    end
  end
  states[key][module] = kept
  return kept, sum, last
end

local function gone(slot, module)
  return (slot + SLOTS[module] + 1) * SLOT[module] - now
end

local function fill(key, rate)
  local bucket = state(key)[BUCKET]
  bucket[1] = math.max(0, bucket[1] - math.max(0, now - bucket[2]) * rate)
  bucket[2] = now
  return bucket
end

-- The chores.
local at, size = 1, #ARGV[4]
while at <= size do
  local key, lease
  key, lease, at = struct.unpack('<I2c16', ARGV[4], at)
  redis.call('ZREM', KEYS[key], lease)
end
at, size = 1, #ARGV[5]
while at <= size do
  local key, module, moment, by
  key, module, moment, by, at = struct.unpack('<I2Bdd', ARGV[5], at)
  changed[key] = true
  if module == BUCKET then
    local bucket = state(key)[BUCKET]
    bucket[1] = math.max(0, bucket[1] + by * ONE)
  else
    local counts, _, last = window(key, module)
    local slot, found, place = math.floor(moment / SLOT[module]), false, 1
    for i = 1, #counts, 2 do
      if counts[i] == slot then
        counts[i + 1], found = math.max(0, counts[i + 1] + by), true
      end
      if counts[i] < slot then place = i + 2 end
    end
    if not found and by > 0 and slot >= last - SLOTS[module] and slot <= last then
      table.insert(counts, place, by)
      table.insert(counts, place, slot)
    end
  end
end

-- The check.
local limits, full, denied = {}, {}, false
at, size = 1, #ARGV[3]
while at <= size do
  local l = {}
  l.key, l.scope, l.shadow, l.module, l.of, l.cost, l.rate, at = struct.unpack('<I2BBBddd', ARGV[3], at)
  l.wait, l.reset, l.taken = 0, 0, 0
  if l.module == PLACES then
    local held
    if taking then
      redis.call('ZREMRANGEBYSCORE', KEYS[l.key], '-inf', now)
      held = redis.call('ZCARD', KEYS[l.key])
    else
      held = redis.call('ZCOUNT', KEYS[l.key], '(' .. string.format('%.0f', now), '+inf')
    end
    l.left = math.max(0, l.of - held)
    if l.cost > l.left then l.wait = 1000000 end
  elseif l.module == BUCKET then
    local bucket = fill(l.key, l.rate)
    l.left = math.max(0, math.floor((l.of * ONE - bucket[1]) / ONE))
    if l.cost > l.left then l.wait = l.rate > 0 and math.ceil((bucket[1] + ONE - l.of * ONE) / l.rate) or -1 end
    if l.rate > 0 then l.reset = math.ceil(bucket[1] / l.rate) end
  else
    local counts, sum = window(l.key, l.module)
    l.left = math.max(0, l.of - sum)
    if l.cost > l.left then
      local over = sum + l.cost - l.of
      for i = 1, #counts, 2 do
        over = over - counts[i + 1]
        if over <= 0 then
          l.wait = gone(counts[i], l.module)
          break
        end
      end
    end
    if #counts > 0 then l.reset = gone(counts[#counts - 1], l.module) end
  end
  if l.cost > l.of then l.wait = -1 end
  if l.wait ~= 0 then
    full[l.scope] = true
    denied = denied or l.shadow == 0
  end
  limits[#limits + 1] = l
end

-- The taking.
if taking and not denied then
  for _, l in ipairs(limits) do
    if not full[l.scope] then
      l.taken, l.left = 1, l.left - l.cost
      if l.module == PLACES then
        redis.call('ZADD', KEYS[l.key], string.format('%.0f', now + l.rate * 1000), ARGV[2])
        redis.call('PEXPIRE', KEYS[l.key], 7200000)
      elseif l.module == BUCKET then
        local bucket = state(l.key)[BUCKET]
        bucket[1] = bucket[1] + l.cost * ONE
        l.reset = l.rate > 0 and math.ceil(bucket[1] / l.rate) or 0
        bucket[3] = math.ceil(l.reset / 1000)
        changed[l.key] = true
      elseif l.cost > 0 then
        local counts, last = state(l.key)[l.module], math.floor(now / SLOT[l.module])
        if counts[#counts - 1] == last then
          counts[#counts] = counts[#counts] + l.cost
        else
          counts[#counts + 1], counts[#counts + 2] = last, l.cost
        end
        l.reset = gone(last, l.module)
        changed[l.key] = true
      end
    end
  end
end
for key in pairs(changed) do
  -- As long as a window remembers, or the bucket needs to be full again.
  local ttl = math.max(62000, math.min(states[key][BUCKET][3] or 0, 86400000))
  redis.call('SET', KEYS[key], cmsgpack.pack(states[key]), 'PX', string.format('%.0f', ttl))
end

local answer = {now}
for _, l in ipairs(limits) do
  local n = #answer
  answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = l.left, l.wait, l.reset, l.taken
end
return answer
