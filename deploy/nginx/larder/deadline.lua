-- Reads the body of a request, and ends an upload that is slower than GRACE and RATE allow: nginx
-- itself bounds the time between two pieces only.

local GRACE = 10 -- seconds
local RATE = 16384 -- bytes a second, after that
local POLL = 1 -- seconds between two looks

if ngx.var.server_protocol ~= "HTTP/2.0" and not ngx.var.http_content_length
    and not ngx.var.http_transfer_encoding then
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
ngx.req.read_body()
ngx.thread.kill(watcher)
