-- wrk's part: each request is of the next of the users whose session keys are in the file that SESSIONS names.
local token = string.rep("a", 32)
local sessions = {}
for key in io.lines(os.getenv("SESSIONS")) do
  sessions[#sessions + 1] = key
end

local number = math.random(#sessions)
if os.getenv("METHOD") == "POST" then
  wrk.method = "POST"
  wrk.body = '{"name": "Compass", "description": "Points north."}'
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["X-CSRFToken"] = token
  wrk.headers["Referer"] = "https://127.0.0.1/"
end
wrk.headers["Host"] = "127.0.0.1"
wrk.headers["X-Forwarded-Proto"] = "https"

function request()
  number = number % #sessions + 1
  wrk.headers["Cookie"] = "sessionid=" .. sessions[number] .. "; csrftoken=" .. token
  return wrk.format()
end
