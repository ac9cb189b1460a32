-- A load for wrk: METHOD [BODY] after the URL. Prints what came of it: "GOOD REFUSED OTHER", that is answers with 2xx, with 503 as
-- the contract has it, and all else, connections that failed included.
local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init(args)
    good, refused, other = 0, 0, 0
    wrk.method, wrk.body = args[1], args[2]
    if wrk.body then
        wrk.headers["Content-Type"] = "application/json"
    end
end

function response(status, headers, body)
    if status >= 200 and status < 300 then
        good = good + 1
    elseif status == 503 and (headers["Retry-After"] or headers["retry-after"]) then
        refused = refused + 1
    else
        other = other + 1
    end
end

function done(summary, latency, requests)
    local good, refused, other = 0, 0, 0
    for _, thread in ipairs(threads) do
        good = good + thread:get("good")
        refused = refused + thread:get("refused")
        other = other + thread:get("other")
    end
    local errors = summary.errors
    print("load:", good, refused, other + errors.connect + errors.read + errors.write + errors.timeout)
end
