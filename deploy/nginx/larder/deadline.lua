-- Reads the body of a request, and ends an upload that is slower than GRACE and RATE allow: nginx
-- itself bounds the time between two pieces only.

local GRACE = 10 -- seconds
local RATE = 16384 -- bytes a second, after that
local POLL = 1 -- seconds between two looks

local is_measured = ngx.var.http_content_length or ngx.var.http_transfer_encoding
if not is_measured and ngx.var.server_protocol ~= "HTTP/2.0" then
    return
end
local method = ngx.req.get_method()
if not is_measured and (method == "GET" or method == "HEAD") then
    -- Usually there is none. One that comes without a length is not counted (http.conf).
    ngx.req.discard_body()
    return
end

local head, began = tonumber(ngx.var.request_length), ngx.now()

local watcher = ngx.thread.spawn(function()
    while true do
        ngx.sleep(POLL)
        local received = tonumber(ngx.var.request_length) - head
        if ngx.now() - began > GRACE + received / RATE then
            ngx.exit(ngx.HTTP_REQUEST_TIMEOUT)
        end
    end
end)
local is_read, reason = pcall(ngx.req.read_body)
ngx.thread.kill(watcher)
if not is_read then
    -- Version 0.10.26 of the module reads no body of HTTP/2 without a length.
    ngx.log(ngx.ERR, reason)
    return ngx.exit(is_measured and ngx.HTTP_INTERNAL_SERVER_ERROR or 411)
end
