-- odd_names.lua: refuses requests with header names that an application could take for others, and backslashes in paths.
require "apache2"

function refuse(r)
    for name in pairs(r:headers_in_table()) do
        if name:find("[^-%w]") then return 400 end
    end
    if r.unparsed_uri:find("^[^?]*\\") then return 400 end
    return apache2.DECLINED
end
