(* Pricing rules. The types are generated from those of the application; [Catalogue] is the application itself. *)

let name = "autumn rules"

let total order =
  List.fold_left (fun sum line -> sum +. (float_of_int line.quantity *. line.unit_price)) 0. order.lines

let loyalty points = Float.min 15. (float_of_int points /. 100.)

let discount order =
  match order.customer with
  | Company "ACME" -> Fixed { amount = 25.; reason = "contract of 2026" }
  | Member { points; _ } when points >= 100 -> Percent (loyalty points)
  | Guest | Member _ | Company _ ->
    let clearance line = Catalogue.stock line.product > 500 in
    if List.exists clearance order.lines && total order > 50. then Percent 5. else Nothing
