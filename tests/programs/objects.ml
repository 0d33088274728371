class virtual animal name = object (self)
  method name : string = name
  method virtual sound : string
  method speak = Printf.printf "%s says %s\n" self#name self#sound
end

class dog name = object
  inherit animal name
  method sound = "woof"
end

class loud_dog name volume = object
  inherit dog name as super
  val mutable volume = volume
  method! sound = String.concat " " (List.init volume (fun _ -> super#sound))
  method louder = volume <- volume + 1
end

class ['a] stack = object
  val mutable items : 'a list = []
  method push x = items <- x :: items
  method pop = match items with [] -> None | x :: rest -> items <- rest; Some x
  method size = List.length items
  initializer print_endline "a new stack"
end

let immediate = object
  method twice x = x * 2
  method copy = {< >}
end

let show (a : < name : string ; .. >) = print_endline a#name

let () =
  let rex = new loud_dog "Rex" 2 in
  rex#speak;
  rex#louder;
  rex#speak;
  (new dog "Fido")#speak;
  List.iter (fun (a : animal) -> a#speak) [ (rex :> animal); new dog "Bo" ];
  show rex;
  let s = new stack in
  s#push 1;
  s#push 2;
  (match s#pop with Some n -> Printf.printf "%d, %d left\n" n s#size | None -> ());
  Printf.printf "%d\n" (immediate#copy#twice 21);
  Printf.printf "%b\n" (rex = rex)
