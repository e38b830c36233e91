-- Counts failed attempts; hot/attempts.rs has the words. Time is this server's, in milliseconds.
-- KEYS: tallies, each with failures, the moment of the last, and until when there is to wait.
-- ARGV[1] `attempt` or `count`: ARGV[2] how long a failure is remembered, and for each tally how many failures are free, the
-- longest wait, whether time forgives, whether an attempt counts. ARGV[1] `take back`: for each tally until when there was to
-- wait before, and since.
-- Answers how long to wait, 0 when not at all, and for each tally that was counted until when there was to wait before and since.
local text = function(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if ARGV[1] == 'take back' then
  for place, key in ipairs(KEYS) do
    local known = redis.call('HMGET', key, 'failures', 'until')
    -- What was forgotten meanwhile is not made anew.
    if known[1] then
      redis.call('HSET', key, 'failures', text(math.max(0, known[1] - 1)))
      -- Another attempt may have failed since, and its wait stays.
      if known[2] == ARGV[place * 2 + 1] then redis.call('HSET', key, 'until', ARGV[place * 2]) end
    end
  end
  return {0, {}}
end

local wait_after = function(failures, free, most)
  if failures < free then return 0 end
  return math.min(2 ^ math.min(failures - free, 20) * 1000, most)
end

local tallies, longest = {}, 0
for place, key in ipairs(KEYS) do
  local at = 2 + (place - 1) * 4
  local known = redis.call('HMGET', key, 'failures', 'last', 'until')
  local tally = {failures = tonumber(known[1]) or 0, last = tonumber(known[2]) or now, ends = tonumber(known[3]) or 0}
  tally.free, tally.most = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  if ARGV[at + 3] == '1' then
    tally.failures = math.max(0, tally.failures - math.floor(math.max(0, now - tally.last) / 60000))
  end
  tally.counts = ARGV[at + 4] == '1' or ARGV[1] == 'count'
  -- Never longer than it was to be at first, should this server's clock have been set back.
  local left = math.min(tally.ends - now, wait_after(tonumber(known[1]) or 0, tally.free, tally.most))
  longest = math.max(longest, left)
  tallies[place] = tally
end
if ARGV[1] == 'attempt' and longest > 0 then return {longest, {}} end

local bounds = {}
for place, tally in ipairs(tallies) do
  if tally.counts then
    local failures = tally.failures + 1
    local wait, since = wait_after(failures, tally.free, tally.most), 0
    if wait > 0 then since = now + wait end
    redis.call('HSET', KEYS[place], 'failures', text(failures), 'last', text(now), 'until', text(since))
    redis.call('PEXPIRE', KEYS[place], ARGV[2])
    table.insert(bounds, tally.ends)
    table.insert(bounds, since)
  end
end
return {0, bounds}
