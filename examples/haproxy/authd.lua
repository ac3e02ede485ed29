-- authd.lua: asks authd before a request goes on, with HAProxy's own HTTP client (2.6 or newer).
--
--     setenv AUTHD_ADDRESS unix@/run/authd/authd.sock
--     setenv AUTHD_HEADERS "X-Auth-Request-User …"
--     lua-load authd.lua
--     http-request lua.authd POLICY
--     http-request deny deny_status 503 unless { var(txn.authd_allows) -m bool }
--
-- The headers named are set from authd's answer, in place of any that the client sent; all other answers than a yes end
-- the request here. Could not ask is 503, never a yes. HAProxy goes on with a request when an action of Lua fails: the
-- last line is what makes a fault of this file a no.
local destination = os.getenv("AUTHD_ADDRESS")
local handed_on = {}
for name in os.getenv("AUTHD_HEADERS"):gmatch("%S+") do handed_on[#handed_on + 1] = name end
local TIMEOUT_MSEC = 5000

-- Of a refusal the client sees these.
local shown = { "www-authenticate", "x-authd-reason", "retry-after", "dpop-nonce", "ratelimit-limit",
                "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy" }
local statuses = { [401] = true, [403] = true, [503] = true }

-- first: HAProxy gives a header as a table of its values that counts from 0.
local function first(headers, name)
    local values = headers and headers[name:lower()]
    return values and values[0]
end

local function refuse(txn, status, headers)
    local reply = txn:reply({ status = status })
    for _, name in ipairs(shown) do
        local value = first(headers, name)
        if value then reply:add_header(name, value) end
    end
    if status == 503 and not first(headers, "retry-after") then reply:add_header("retry-after", "1") end
    txn:done(reply)
end

-- question: each value that the client sent goes along, so that authd refuses what is said twice.
local function question(txn)
    local sent = txn.http:req_get_headers()
    local headers = {
        ["host"] = { "localhost" },
        ["x-original-method"] = { txn.sf:method() },
        ["x-original-uri"] = { txn.sf:pathq() },
        ["x-original-host"] = { first(sent, "host") or "" },
        ["x-forwarded-proto"] = { first(sent, "x-forwarded-proto") or "http" },
        ["x-forwarded-for"] = { txn.sf:src() },
    }
    for _, name in ipairs({ "authorization", "dpop", "origin", "access-control-request-method", "traceparent" }) do
        local values = {}
        for i = 0, sent[name] and #sent[name] or -1 do
            values[#values + 1] = sent[name][i]
        end
        if #values > 0 then headers[name] = values end
    end
    return headers
end

core.register_action("authd", { "http-req" }, function(txn, policy)
    local client = core.httpclient()
    local asked, answer = pcall(client.get, client, {
        url = "http://127.0.0.1/auth/" .. policy, -- a name would be asked of DNS
        headers = question(txn),
        dst = destination,
        timeout = TIMEOUT_MSEC,
    })
    if not asked or not answer or not answer.status then return refuse(txn, 503) end
    if answer.status ~= 204 then
        -- /auth says 429 as nginx needs it: 403, and the true one beside.
        local status = tonumber(first(answer.headers, "x-authd-status")) or answer.status
        if status ~= 429 and not statuses[status] then
            status = status >= 500 and 503 or status == 404 and 503 or 400
        end
        return refuse(txn, status, answer.headers)
    end
    for _, name in ipairs(handed_on) do
        txn.http:req_del_header(name)
        local value = first(answer.headers, name)
        if value and value:match("%S") then txn.http:req_set_header(name, value) end
    end
    txn:set_var("txn.authd_allows", true)
end, 1)
