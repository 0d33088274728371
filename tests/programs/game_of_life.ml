let rows = 8 and columns = 8

let step board =
  let alive r c = if board.((r + rows) mod rows).((c + columns) mod columns) then 1 else 0 in
  Array.init rows (fun r ->
      Array.init columns (fun c ->
          let n = ref 0 in
          for dr = -1 to 1 do
            for dc = -1 to 1 do if dr <> 0 || dc <> 0 then n := !n + alive (r + dr) (c + dc) done
          done;
          !n = 3 || (board.(r).(c) && !n = 2)))

let show board =
  Array.iter (fun row -> print_endline (String.init columns (fun c -> if row.(c) then '#' else '.'))) board;
  print_newline ()

let () =
  let board = Array.make_matrix rows columns false in
  List.iter (fun (r, c) -> board.(r).(c) <- true) [ 0, 1; 1, 2; 2, 0; 2, 1; 2, 2 ];
  let rec go n board = show board; if n > 0 then go (n - 1) (step board) in
  go 4 board
