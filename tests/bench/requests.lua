-- requests: what wrk sends: the tokens of a file in turn, one a line.
--
--     wrk -s requests.lua URL -- TOKENS_FILE
--
-- The requests are made once, before the clock runs. An answer that is not 2xx is counted by wrk
-- itself, and bench_doors.py refuses the run.
local whole = {}
local at = 0

function init(arguments)
   for token in io.lines(arguments[1]) do
      whole[#whole + 1] = wrk.format("GET", nil, { ["Authorization"] = "Bearer " .. token })
   end
end

function request()
   at = at % #whole + 1
   return whole[at]
end
