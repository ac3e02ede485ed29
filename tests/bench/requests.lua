-- requests: what wrk sends: the tokens of a file in turn, one a line, beside the headers of its -H.
--
--     wrk -s requests.lua [-H "NAME: VALUE" ...] URL -- TOKENS_FILE
--
-- The requests are made once, before the clock runs. An answer that is not 2xx is counted by wrk
-- itself, and asking.py refuses the run.
local whole = {}
local at = 0

local function headers_with(token)
   local headers = { ["Authorization"] = "Bearer " .. token }
   for name, value in pairs(wrk.headers) do
      headers[name] = value
   end
   return headers
end

function init(arguments)
   for token in io.lines(arguments[1]) do
      whole[#whole + 1] = wrk.format("GET", nil, headers_with(token))
   end
end

function request()
   at = at % #whole + 1
   return whole[at]
end
