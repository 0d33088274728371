(* A configuration: an OCaml record, checked when it is read. *)
open Helpers

let config =
  { default with
    name = "edge";
    timeout = minutes 2;
    log = Requests { slower_than = seconds 1 };
    upstreams = List.init 3 (fun n -> upstream (Printf.sprintf "app-%d.internal" n)) @ [ upstream ~weight:5 ~tls:false "cache" ] }
