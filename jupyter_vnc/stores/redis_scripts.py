"""The Lua scripts that Redis runs, each of them atomically.

Under ``<prefix>token:<digest>`` is a hash with the grant as JSON, the SHA-256 of its user's and of its target's name,
and the number of attempts by other users. It expires by Redis' clock. ``<prefix>all`` and ``<prefix>user:<SHA-256>``
list the digests by expiry (milliseconds), for limits and for revoking; they expire with their last token. Others may be
able to write there: a key of another type, or with other content, is not a grant.
"""

from __future__ import annotations

from typing import Final

#: KEYS: token, all, the user's. ARGV: digest, owner, target, grant, seconds to live in ms, limit per user, limit.
#: Answers -1 when the grant is kept (also when it is there already, from a try whose answer was lost), or the
#: milliseconds until the oldest token that is in the way expires.
PUT: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  if redis.call('HGET', KEYS[1], 'grant') == ARGV[4] then return -1 end
  return redis.error_reply('ERR another grant is there')
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for index = 2, 3 do redis.call('ZREMRANGEBYSCORE', KEYS[index], '-inf', now) end
local mine = redis.call('ZCARD', KEYS[3])
if mine >= tonumber(ARGV[6]) or redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[7]) then
  local first = redis.call('ZRANGE', mine > 0 and KEYS[3] or KEYS[2], 0, 0, 'WITHSCORES')
  return math.max(0, first[2] - now)
end
local ttl = tonumber(ARGV[5])
for index = 2, 3 do
  redis.call('ZADD', KEYS[index], now + ttl, ARGV[1])
  if redis.call('PTTL', KEYS[index]) < ttl then redis.call('PEXPIRE', KEYS[index], ttl) end
end
redis.call('HSET', KEYS[1], 'grant', ARGV[4], 'owner', ARGV[2], 'target', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ttl)
return -1
"""

#: KEYS: token, all, the asking user's. ARGV: digest, the asking user, attempts by others that revoke, prefix, longest
#: grant (bytes). Answers nothing, the grant, the number of strangers so far, or an empty string if it was not a grant
#: and has been removed.
TAKE: Final = """
local function drop(owner)
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
  if owner then redis.call('ZREM', ARGV[4] .. 'user:' .. owner, ARGV[1]) end
end
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local found = redis.pcall('HMGET', KEYS[1], 'owner', 'grant')
if found.err or not found[1] or not found[2] or #found[2] > tonumber(ARGV[5]) then
  drop()
  return ''
end
if found[1] == ARGV[2] then
  drop(found[1])
  return found[2]
end
local strangers = redis.pcall('HINCRBY', KEYS[1], 'strangers', 1)
if type(strangers) == 'table' then
  drop(found[1])
  return ''
end
if strangers >= tonumber(ARGV[3]) then drop(found[1]) end
return strangers
"""

#: KEYS: the list to search. ARGV: prefix, owner or nothing, target or nothing. Answers how many there were.
REVOKE: Final = """
local count = 0
for _, digest in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local key = ARGV[1] .. 'token:' .. digest
  local found = redis.pcall('HMGET', key, 'owner', 'target')
  if not found.err and found[1]
      and (ARGV[2] == '' or ARGV[2] == found[1]) and (ARGV[3] == '' or ARGV[3] == found[2]) then
    redis.call('DEL', key)
    redis.call('ZREM', ARGV[1] .. 'all', digest)
    redis.call('ZREM', ARGV[1] .. 'user:' .. found[1], digest)
    count = count + 1
  end
end
return count
"""
