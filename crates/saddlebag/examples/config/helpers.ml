let seconds n = float_of_int n
let minutes n = 60. *. seconds n
let mib n = n * 1024 * 1024

let upstream ?(weight = 1) ?(tls = true) host = { host; weight; tls }

let default =
  { name = "unnamed"; port = 8080; timeout = seconds 30; body_limit = mib 1; log = Errors; upstreams = [] }
