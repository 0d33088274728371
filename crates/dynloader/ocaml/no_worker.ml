(* In place of worker.ml, where compiler-libs are not as it knows them. *)

let run _ =
  prerr_endline "saddlebag driver: this compiler cannot stay warm";
  exit 2
