-- One step on the meters of rate limits: chores first, then all limits are checked, then all take or none does.
-- hot/meters/mod.rs has the rules. Time is this server's.
--
-- KEYS: states of windows and buckets, and sorted sets of leases (by the end of each, in microseconds).
-- ARGV: 1 'take' or 'look'; 2 the lease; then packed little-endian:
--   3 limits: u16 key, u8 scope, u8 shadow, u8 module, f64 of, f64 cost, f64 rate
--   4 releases: u16 key, 16 bytes lease
--   5 corrections: u16 key, u8 module, f64 moment, f64 by
-- Answer: now, then for each limit: left, wait (-1 for never), reset, taken.
--
-- A window is {slot, taken in it, sum of all slots, earlier slots as packed pairs of slot and taken}. Its present slot is
-- apart, so that a step costs the same however many slots there are; earlier ones are touched when the slot changes.
local call, floor, max, min, ceil = redis.call, math.floor, math.max, math.min, math.ceil
local pack, unpack, sub = struct.pack, struct.unpack, string.sub
local PLACES, BUCKET, TOKENS = 1, 2, 5
local SLOT = {[3] = 50000, [4] = 1000000, [5] = 1000000}
local SLOTS = {[3] = 20, [4] = 60, [5] = 60}
local ONE, PAIR = 60000000, 16
local taking = ARGV[1] == 'take'
local time = call('TIME')
local now = time[1] * 1000000 + time[2]

-- States: of tokens {[5] = window}; of requests {[2] = {missing, at, milliseconds to keep}, [3] = window, [4] = window}.
local states, changed = {}, {}
local function state(key, module)
  local known = states[key]
  if known then return known end
  local packed = call('GET', KEYS[key])
  if module == TOKENS then
    local slot, taken, sum = 0, 0, 0
    local old = ''
    if packed then
      slot, taken, sum = unpack('<ddd', packed)
      old = sub(packed, 25)
    end
    known = {[5] = {slot, taken, sum, old}}
  elseif packed then
    local missing, at, keep, slot, taken, sum, slot2, taken2, sum2, length = unpack('<dddddddddI2', packed)
    known = {
      [2] = {missing, at, keep},
      [3] = {slot, taken, sum, sub(packed, 75, 74 + length)},
      [4] = {slot2, taken2, sum2, sub(packed, 75 + length)},
    }
  else
    known = {[2] = {0, 0, 0}, [3] = {0, 0, 0, ''}, [4] = {0, 0, 0, ''}}
  end
  states[key] = known
  return known
end

-- The window, moved on to the present.
local function window(key, module)
  local w = state(key, module)[module]
  local present = floor(now / SLOT[module])
  local slot = w[1]
  if slot == present then return w end
  if slot > present then
    -- A clock that was set back must not stop a window: everything counts as taken now.
    w[2], w[4] = w[3], ''
  else
    local old = w[4]
    if w[2] > 0 then old = old .. pack('<dd', slot, w[2]) end
    w[2] = 0
    local first, at, size = present - SLOTS[module], 1, #old
    while at <= size do
      local earlier, taken = unpack('<dd', old, at)
      if earlier >= first then break end
      w[3] = w[3] - taken
      at = at + PAIR
    end
    if at > 1 then old = sub(old, at) end
    w[4] = old
  end
  w[1] = present
  return w
end

local function gone(slot, module)
  return (slot + SLOTS[module] + 1) * SLOT[module] - now
end

local function reset(w, module)
  if w[2] > 0 then return gone(w[1], module) end
  if w[4] == '' then return 0 end
  return gone((unpack('<d', w[4], #w[4] - PAIR + 1)), module)
end

local function fill(key, rate)
  local bucket = state(key, BUCKET)[BUCKET]
  bucket[1] = max(0, bucket[1] - max(0, now - bucket[2]) * rate)
  bucket[2] = now
  return bucket
end

-- Adds to what was taken in a slot that is still in the window.
local function correct(w, module, slot, by)
  if slot > w[1] or slot < w[1] - SLOTS[module] then return end
  if slot == w[1] then
    local taken = max(0, w[2] + by)
    w[2], w[3] = taken, w[3] + taken - w[2]
    return
  end
  -- From the end: most requests are short.
  local old = w[4]
  local at = #old - PAIR + 1
  while at >= 1 do
    local earlier, taken = unpack('<dd', old, at)
    if earlier == slot then
      local corrected = max(0, taken + by)
      w[3] = w[3] + corrected - taken
      w[4] = sub(old, 1, at - 1) .. (corrected > 0 and pack('<dd', slot, corrected) or '') .. sub(old, at + PAIR)
      return
    end
    if earlier < slot then break end
    at = at - PAIR
  end
  if by > 0 then
    w[3] = w[3] + by
    w[4] = sub(old, 1, at + PAIR - 1) .. pack('<dd', slot, by) .. sub(old, at + PAIR)
  end
end

-- The chores.
local at, size = 1, #ARGV[4]
while at <= size do
  local key, lease
  key, lease, at = unpack('<I2c16', ARGV[4], at)
  call('ZREM', KEYS[key], lease)
end
at, size = 1, #ARGV[5]
while at <= size do
  local key, module, moment, by
  key, module, moment, by, at = unpack('<I2Bdd', ARGV[5], at)
  changed[key] = module
  if module == BUCKET then
    local bucket = state(key, module)[BUCKET]
    bucket[1] = max(0, bucket[1] + by * ONE)
  else
    correct(window(key, module), module, floor(moment / SLOT[module]), by)
  end
end

-- The check.
local limits, count, full, denied = {}, 0, {}, false
at, size = 1, #ARGV[3]
while at <= size do
  local key, scope, shadow, module, of, cost, rate
  key, scope, shadow, module, of, cost, rate, at = unpack('<I2BBBddd', ARGV[3], at)
  local left, wait, again = 0, 0, 0
  if module == PLACES then
    local held
    if taking then
      call('ZREMRANGEBYSCORE', KEYS[key], '-inf', now)
      held = call('ZCARD', KEYS[key])
    else
      held = call('ZCOUNT', KEYS[key], '(' .. string.format('%.0f', now), '+inf')
    end
    left, again = max(0, of - held), held
    if cost > left then wait = 1000000 end
  elseif module == BUCKET then
    local missing = fill(key, rate)[1]
    left = max(0, floor((of * ONE - missing) / ONE))
    if cost > left then wait = rate > 0 and ceil((missing + ONE - of * ONE) / rate) or -1 end
    if rate > 0 then again = ceil(missing / rate) end
  else
    local w = window(key, module)
    left = max(0, of - w[3])
    if cost > left then
      local over, place = w[3] + cost - of, 1
      wait = gone(w[1], module)
      while place <= #w[4] do
        local slot, taken = unpack('<dd', w[4], place)
        over = over - taken
        if over <= 0 then
          wait = gone(slot, module)
          break
        end
        place = place + PAIR
      end
    end
    again = reset(w, module)
  end
  if cost > of then wait = -1 end
  if wait ~= 0 then
    full[scope] = true
    denied = denied or shadow == 0
  end
  count = count + 1
  limits[count] = {key, scope, module, cost, rate, left, wait, again, 0}
end

-- The taking.
if taking and not denied then
  for i = 1, count do
    local l = limits[i]
    local key, module, cost, rate = l[1], l[3], l[4], l[5]
    if not full[l[2]] then
      l[9], l[6] = 1, l[6] - cost
      if module == PLACES then
        call('ZADD', KEYS[key], now + rate * 1000, ARGV[2])
        -- Refreshed now and then, which is often enough: leases that live long refresh it too.
        if l[8] == 0 or now % 16 == 0 then call('PEXPIRE', KEYS[key], 7200000) end
      elseif module == BUCKET then
        local bucket = states[key][BUCKET]
        bucket[1] = bucket[1] + cost * ONE
        l[8] = rate > 0 and ceil(bucket[1] / rate) or 0
        bucket[3] = ceil(l[8] / 1000)
        changed[key] = module
      elseif cost > 0 then
        local w = states[key][module]
        w[2], w[3] = w[2] + cost, w[3] + cost
        l[8] = gone(w[1], module)
        changed[key] = module
      end
    end
  end
end
for key, module in pairs(changed) do
  -- Kept as long as a window remembers, or the bucket needs to be full again.
  local s, packed, keep = states[key], nil, 62000
  if module == TOKENS then
    local w = s[5]
    packed = pack('<ddd', w[1], w[2], w[3]) .. w[4]
  else
    local b, w, v = s[2], s[3], s[4]
    keep = max(keep, min(b[3], 86400000))
    packed = pack('<dddddddddI2', b[1], b[2], b[3], w[1], w[2], w[3], v[1], v[2], v[3], #w[4]) .. w[4] .. v[4]
  end
  call('SET', KEYS[key], packed, 'PX', keep)
end

local answer, place = {now}, 1
for i = 1, count do
  local l = limits[i]
  -- A place has no time at which it is free again.
  answer[place + 1], answer[place + 2], answer[place + 3], answer[place + 4] = l[6], l[7], l[3] == PLACES and 0 or l[8], l[9]
  place = place + 4
end
return answer
