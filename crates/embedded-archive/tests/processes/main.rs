//! Tests with processes: every fault that files carried by an executable meet between packing and use.
//!
//! | fault | tests |
//! | --- | --- |
//! | bytes: truncated, flipped, random; numbers that overflow, overlap, lie; bombs | `tests/format/hostile.rs`; `src/format/index/tests.rs`; `a_frame_of_another_length_is_an_error`; `fuzz/` |
//! | names that lead out of the directory, or clash | `src/name.rs`; `names_are_checked_by_the_reader_too` |
//! | other versions, foreign bytes | `tests/format/golden.rs`; `foreign_and_short_bytes_are_no_archive` |
//! | two archives; attached twice; the output is the input | `attaching_again_replaces_the_archive`, `a_carrier_may_be_its_own_output_while_it_runs`, `a_linked_archive_survives_every_tool_and_every_start` |
//! | strip and its like, patchelf, objcopy, sparse copies, gzexe, bytes appended | `the_archive_survives_tools_that_rewrite_executables`, `a_stripped_carrier_takes_another_archive_without_growing`, `a_packed_program_carries_an_archive_that_is_attached_after` |
//! | executables of others: C, static, static PIE, stripped, laid out as Go's, scripts, malformed | `bases.rs` |
//! | the executable is unlinked, or replaced, while it runs | `a_carrier_that_was_unlinked_still_reads_its_archive`, `a_running_carrier_reads_its_own_archive_though_another_took_its_place` |
//! | started by the loader, without `/proc`, without the right to read itself | `a_carrier_started_through_the_loader_reads_its_archive`, `a_carrier_without_proc_reads_its_archive`, `a_carrier_that_cannot_be_read_says_so` |
//! | many processes at once, `kill -9` at random, damage between rounds, two archives in one root | `no_storm_of_processes_kills_and_damage_yields_a_bad_tree` |
//! | the holder of the lock stands still | `a_process_that_is_stopped_while_it_extracts_holds_nobody_up`, `a_stopped_lock_holder_is_waited_for_and_then_passed_over` |
//! | threads of one process; versions side by side | `threads_of_one_process_share_one_tree`, `versions_live_side_by_side_until_they_are_cleaned` |
//! | tampering with tree, stamp or lock; every damaged state starts clean the second time | `every_damage_is_repaired_and_nothing_is_left_over`, `damaged_stamps_and_locks_cost_time_and_nothing_else` |
//! | no space, no inodes | `a_full_directory_is_named_and_left_clean`, `what_is_dead_or_damaged_keeps_no_room_from_what_takes_its_place`, `a_directory_without_inodes_is_named` |
//! | a quota that is used up, a disk that fails | `a_quota_that_is_used_up_is_named_and_leaves_nothing`, `a_disk_that_fails_is_named_and_leaves_nothing` |
//! | `RLIMIT_FSIZE`, `RLIMIT_NOFILE`, umask | `a_limit_on_files_is_an_error_and_no_signal`, `few_descriptors_are_enough`, `any_umask_will_do` |
//! | EINTR | `interrupted_system_calls_are_repeated` |
//! | noexec; read-only, with a good tree and without | `a_noexec_directory_is_named_and_memory_is_the_last_resort`, `a_read_only_directory_is_named_and_a_good_tree_in_it_is_used` |
//! | `/proc` of another namespace of processes | `files_in_memory_are_found_though_proc_numbers_processes_otherwise` |
//! | no place at all, nor files in memory | `when_no_place_will_do_each_is_named_with_its_fault`, `a_system_that_forbids_files_in_memory_is_told_of_the_places` |
//! | `HOME` unset; `TMPDIR` bad or relative | `an_environment_that_names_nothing_will_do`, `a_bad_directory_for_temporary_files_is_passed_over` |
//! | a root that others can write to; another user's root, tree, stamp, leftovers | `a_root_that_others_can_change_is_refused`, `users.rs` |
//! | a tree without rights for its owner | `a_tree_without_rights_for_its_owner_is_repaired_and_leaves_nothing` |
//! | a forked child holds an executable open for writing; fork, then drop | `forks.rs` |
//! | executables started while other threads fork | `executables_start_at_once_though_other_threads_fork` |
//! | locks, or flags of a rename, that the file system lacks | `a_file_system_without_locks_will_do`, `without_locks_nothing_of_the_living_is_removed`, `a_file_system_without_flags_of_rename_will_do` |
//! | every way to end, and what the killed leave | `endings.rs` |
//! | cleaners of temporary files | `a_cleaner_of_temporary_files_sees_that_the_directory_is_used`, `a_directory_that_a_cleaner_took_away_is_no_fault_of_the_end` |
//!
//! Those that need mounts make a namespace of their own, as root or as any user. Those with two users need root.
#![expect(clippy::disallowed_methods, reason = "the tests are about processes")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a role reports to the test that started it"
)]
#![expect(clippy::unwrap_used, reason = "a panic fails the test")]
mod bases;
mod carriers;
mod endings;
mod forks;
mod interruptions;
mod limits;
mod linked;
mod mounts;
mod places;
mod refusals;
mod roles;
mod stops;
mod storm;
mod support;
mod users;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if let Some(role) = arguments
        .next()
        .and_then(|role| role.to_str()?.strip_prefix("role:").map(str::to_owned))
    {
        return roles::play(
            &role,
            &arguments
                .map(|argument| argument.into_string().unwrap())
                .collect::<Vec<_>>(),
        );
    }
    let trial = |(name, test): (&str, fn())| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    let tests = [
        carriers::TESTS,
        bases::TESTS,
        endings::TESTS,
        forks::TESTS,
        interruptions::TESTS,
        limits::TESTS,
        linked::TESTS,
        mounts::TESTS,
        places::TESTS,
        refusals::TESTS,
        stops::TESTS,
        storm::TESTS,
        users::TESTS,
    ]
    .concat();
    libtest_mimic::run(
        &Arguments::from_args(),
        tests.into_iter().map(trial).collect(),
    )
    .exit_code()
}
