(* A small bank: references, mutable fields, queues, stacks, loops. *)
type account = { owner : string; mutable balance : int }

let log = Queue.create ()
let accounts = [| { owner = "ann"; balance = 100 }; { owner = "bob"; balance = 50 } |]

let transfer from into amount =
  if from.balance < amount then Queue.add (Printf.sprintf "%s has too little" from.owner) log
  else begin
    from.balance <- from.balance - amount;
    into.balance <- into.balance + amount;
    Queue.add (Printf.sprintf "%s -> %s: %d" from.owner into.owner amount) log
  end

let () =
  transfer accounts.(0) accounts.(1) 30;
  transfer accounts.(1) accounts.(0) 500;
  Queue.iter print_endline log;
  Array.iter (fun a -> Printf.printf "%s %d\n" a.owner a.balance) accounts;
  let stack = Stack.create () in
  for i = 5 downto 1 do Stack.push i stack done;
  while not (Stack.is_empty stack) do print_int (Stack.pop stack) done;
  print_newline ();
  let x = ref 1 in
  let y = x in
  incr y;
  Printf.printf "%d %b %b\n" !x (x == y) (ref 2 == ref 2)
