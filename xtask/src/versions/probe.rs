//! What is tried with each version of OCaml.

/// One thing to try with the command `saddlebag`.
#[derive(Clone, Copy)]
pub(super) struct Probe {
    pub(super) name: &'static str,
    pub(super) files: &'static [(&'static str, &'static str)],
    /// Arguments, split at blanks; the last command is the one that is judged.
    pub(super) commands: &'static [&'static str],
    pub(super) status: i32,
    /// Part of what it prints.
    pub(super) expected: &'static str,
}

pub(super) const PROBES: &[Probe] = &[
    Probe {
        name: "`run`: the standard library, arguments",
        files: &[(
            "fold.ml",
            "let () = print_endline (String.concat \"+\" (List.tl (Array.to_list Sys.argv)))",
        )],
        commands: &["run fold.ml -- a b"],
        status: 0,
        expected: "a+b\n",
    },
    Probe {
        name: "`run`: `unix` and threads",
        files: &[(
            "threads.ml",
            "let total = ref 0\nlet add n = Thread.delay 0.001; total := !total + n\n\
             let () = List.iter Thread.join (List.init 10 (Thread.create add))\n\
             let () = Printf.printf \"%d %b\\n\" !total (Unix.getpid () > 0)",
        )],
        commands: &["run threads.ml"],
        status: 0,
        expected: "45 true\n",
    },
    Probe {
        name: "`run`: several files with interfaces",
        files: &[
            (
                "shape.mli",
                "type t\nval square : float -> t\nval area : t -> float",
            ),
            (
                "shape.ml",
                "type t = Square of float\nlet square s = Square s\nlet area (Square s) = s *. s",
            ),
            (
                "areas.ml",
                "let () = Printf.printf \"%.1f\\n\" (Shape.area (Shape.square 3.))",
            ),
        ],
        commands: &["run shape areas.ml"],
        status: 0,
        expected: "9.0\n",
    },
    Probe {
        name: "`run --find-dependencies`",
        files: &[],
        commands: &["run --find-dependencies areas.ml"],
        status: 0,
        expected: "9.0\n",
    },
    Probe {
        name: "`--require`: a library with C functions",
        files: &[(
            "split.ml",
            "let () = print_endline (String.concat \"|\" (Str.split (Str.regexp \",\") \"a,b\"))",
        )],
        commands: &["run --require str split.ml"],
        status: 0,
        expected: "a|b\n",
    },
    Probe {
        name: "a script with `#require`",
        files: &[(
            "script",
            "#!/usr/bin/env -S saddlebag run\n#require \"str\";;\n\
             let () = print_string (Str.global_replace (Str.regexp \"o\") Sys.argv.(1) \"foo\"); exit 3",
        )],
        commands: &["run script 0", "run script 0"],
        status: 3,
        expected: "f00",
    },
    Probe {
        name: "`check`: an error at the user's line",
        files: &[("total.ml", "let total = 1\n\nlet () = print_string total")],
        commands: &["check total.ml"],
        status: 1,
        expected: "File \"total.ml\", line 3, characters 22-27",
    },
    Probe {
        name: "`build`, then `load`",
        files: &[],
        commands: &["build fold.ml -o fold.plugin", "load fold.plugin -- c d"],
        status: 0,
        expected: "c+d\n",
    },
    Probe {
        name: "`exit` with its status, after `at_exit`",
        files: &[(
            "leave.ml",
            "let () = at_exit (fun () -> print_string \"bye\")\nlet () = exit 7",
        )],
        commands: &["run leave.ml"],
        status: 7,
        expected: "bye",
    },
    Probe {
        name: "an exception that nobody catches",
        files: &[(
            "fails.ml",
            "let f x = if x > 0 then failwith \"too large\" else x\nlet () = print_int (f 1 + 1)",
        )],
        commands: &["run fails.ml"],
        status: 1,
        expected: "Fatal error: exception Failure(\"too large\")",
    },
    Probe {
        name: "its backtrace, with the user's lines",
        files: &[],
        commands: &["run fails.ml"],
        status: 1,
        expected: "in file \"fails.ml\", line 2",
    },
    Probe {
        name: "a stack overflow is an exception",
        files: &[(
            "deep.ml",
            "let rec f x = 1 + f (x + 1)\nlet () = try ignore (f 0) with Stack_overflow -> print_endline \"deep\"",
        )],
        commands: &["run deep.ml"],
        status: 0,
        expected: "deep\n",
    },
];
