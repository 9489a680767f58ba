//! Stories of how long commands take.

use super::*;

/// The commands that were answered, and the milliseconds that they took.
fn timed(rig: &mut Rig) -> Vec<(&'static str, u128)> {
    let timings = rig.timings.replace(Vec::new()).unwrap();
    timings.into_iter().map(|(row, took)| (row.name, took.as_millis())).collect()
}

#[test]
fn a_command_takes_from_being_read_to_the_reply_of_its_last_part_wherever_that_comes_from() {
    let mut rig = Rig::new();
    rig.timings = Some(Vec::new());
    rig.send("GET a\nMGET a b\nPING\n");
    rig.wait(5);
    rig.answer("-MOVED 15495 h:3\r\n");
    rig.wait(5);
    assert_eq!(timed(&mut rig), []);
    // The parts of MGET, then GET where it was moved to.
    rig.answer("*1\r\n$-1\r\n");
    rig.wait(10);
    rig.answer("*1\r\n$-1\r\n");
    assert_eq!(timed(&mut rig), [("mget", 20)]);
    rig.wait(1);
    rig.answer("$-1\r\n");
    assert_eq!(timed(&mut rig), [("get", 21)]);
    assert!(!rig.session.output().is_empty() && rig.flying.is_empty());
}

#[test]
fn a_command_that_fails_has_taken_time_too_and_a_subcommand_has_its_own_name() {
    let mut rig = Rig::new();
    rig.timings = Some(Vec::new());
    rig.send("SET a 1\nOBJECT FREQ b\n");
    rig.wait(3);
    rig.fail(closed(Progress::Sent));
    rig.answer(":1\r\n");
    assert_eq!(timed(&mut rig), [("set", 3), ("object|freq", 3)]);
    rig.timings = None;
    rig.send("GET b\n");
    rig.answer("$-1\r\n");
    assert_eq!(rig.timings, None);
}
