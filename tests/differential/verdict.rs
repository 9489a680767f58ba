//! Whether two replies to one command are the same, as far as Redis says what they are.

use redpoll::proto::resp::Value;

use crate::exceptions::{Exception, ROWS};
use crate::grammar::{Compare, Group, Line, line_of};
use crate::story::{Command, Story};
use crate::words::{KEYS, Word};

/// How far apart two servers may be that got a command one after the other, and how long telling
/// them a story may take.
const TOLERANCE_SECONDS: i64 = 10;

/// A command to send, and how its replies are compared.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) command: Command,
    pub(crate) compare: Compare,
}

impl Step {
    /// Whether it is `QUIT`, which ends the connection.
    pub(crate) fn quits(&self) -> bool {
        self.command.first().is_some_and(|name| name.eq_ignore_ascii_case(b"quit"))
    }
}

/// What is sent for a story: its commands, before one that draws what it draws from, and at the end
/// what shows all data, as far as there are lines for it. Nothing after `QUIT`.
pub(crate) fn steps(story: &Story, lines: &[Line], exceptions: &[Exception]) -> Vec<Step> {
    let told = in_transactions(story);
    let told = told.iter().flat_map(|command| steps_of(command, exceptions));
    let shown = KEYS.iter().flat_map(|key| shows(key));
    let is_known = |step: &Step| {
        line_of(&step.command).is_some_and(|line| lines.iter().any(|own| own.name == line.name))
    };
    let mut steps: Vec<Step> = told.chain(shown.filter(is_known)).collect();
    if let Some(last) = steps.iter().position(Step::quits) {
        steps.truncate(last + 1);
    }
    steps
}

/// The commands of a story without those that Redpoll refuses in a transaction, and those whose
/// replies as elements of what `EXEC` gives could not be compared byte by byte. What is begun ends.
fn in_transactions(story: &Story) -> Vec<Command> {
    let mut is_open = false;
    let mut told = Vec::new();
    for command in &story.0 {
        let line = line_of(command);
        if is_open && !line.is_some_and(Line::is_alike_in_a_transaction) {
            continue;
        }
        is_open = match line.map(|line| line.name) {
            Some("multi") => is_open || command.len() == 1,
            Some("exec") => false,
            Some("discard") => is_open && command.len() > 1,
            _ => is_open,
        };
        told.push(command.clone());
    }
    if is_open {
        told.push(vec![b"EXEC".to_vec()]);
    }
    told
}

/// The first step whose replies differ, in words.
///
/// # Errors
/// There is one.
pub(crate) fn compare(
    steps: &[Step],
    subject: &[Vec<u8>],
    model: &[Vec<u8>],
) -> Result<(), String> {
    let mut probe = &Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let (given, expected) = match (subject.get(at), model.get(at)) {
            (None, None) => return Ok(()),
            (given, expected) => (given, expected),
        };
        let same = match (given, expected) {
            (Some(given), Some(expected)) => {
                is_refused_later(step, given, expected) || is_same(step, probe, given, expected)
            }
            _ => false,
        };
        if !same {
            let show = |reply: Option<&Vec<u8>>| {
                reply.map_or("nothing".to_owned(), |reply| reply.escape_ascii().to_string())
            };
            let command = Story(vec![step.command.clone()]);
            let (given, expected) = (show(given), show(expected));
            return Err(format!("{command:?}   gives {given}\nshould be {expected}"));
        }
        probe = &model[at];
    }
    Ok(())
}

/// Whether a subscriber is told that the command has no place there, whose number of arguments a
/// later server takes, and the model does not.
fn is_refused_later(step: &Step, given: &[u8], expected: &[u8]) -> bool {
    let is_another = |name: &str| ROWS.iter().any(|(own, _)| *own == name);
    given.starts_with(b"-ERR Can't execute '")
        && expected.starts_with(b"-ERR wrong number of arguments for '")
        && line_of(&step.command).is_some_and(|line| is_another(line.name))
}

fn steps_of(command: &Command, exceptions: &[Exception]) -> Vec<Step> {
    let line = line_of(command);
    let exception = line.and_then(|line| exceptions.iter().find(|it| it.is_about(line, command)));
    let compare = match (exception, line) {
        (Some(exception), _) => exception.compare,
        (None, Some(line)) => line.compare,
        (None, None) => Compare::Bytes,
    };
    let step = Step { command: command.clone(), compare };
    let (Some(line), Compare::Drawn) = (line, compare) else { return vec![step] };
    let Some(probe) = probe(line, command.get(1)) else { return vec![step] };
    let mut steps = vec![probe, step];
    if let ("spop", Some(key)) = (line.name, command.get(1)) {
        // What is left is not the same any more.
        steps.push(bytes(&[b"SCARD", key]));
        steps.push(bytes(&[b"DEL", key]));
    }
    steps
}

/// The command that asks for all that a [`Compare::Drawn`] may draw from; `None` if it lacks a key.
fn probe(line: &Line, key: Option<&Word>) -> Option<Step> {
    if line.name == "randomkey" {
        return Some(Step { compare: Compare::Unordered, ..bytes(&[b"KEYS", b"*"]) });
    }
    let key = key?;
    if line.group == Group::SortedSet {
        return Some(bytes(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]));
    }
    let name = if line.group == Group::Hash { "HGETALL" } else { "SMEMBERS" };
    Some(Step { compare: Compare::Unordered, ..bytes(&[name.as_bytes(), key]) })
}

fn bytes(words: &[&[u8]]) -> Step {
    let command = words.iter().map(|word| word.to_vec()).collect();
    Step { command, compare: Compare::Bytes }
}

/// What shows all that is under a key.
fn shows(key: &str) -> [Step; 8] {
    let key = key.as_bytes();
    let step = |name: &str, compare| Step { compare, ..bytes(&[name.as_bytes(), key]) };
    [
        step("TYPE", Compare::Bytes),
        step("PTTL", Compare::Millis),
        step("GET", Compare::Bytes),
        step("HGETALL", Compare::Unordered),
        step("SMEMBERS", Compare::Unordered),
        bytes(&[b"LRANGE", key, b"0", b"-1"]),
        bytes(&[b"XRANGE", key, b"-", b"+"]),
        bytes(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]),
    ]
}

/// Whether both replies are right; `probe` is what was answered to the command before.
fn is_same(step: &Step, probe: &[u8], given: &[u8], expected: &[u8]) -> bool {
    if given == expected || step.compare == Compare::Nothing {
        return true;
    }
    let (Some(given), Some(expected)) = (Value::parse(given), Value::parse(expected)) else {
        return false;
    };
    if [&given, &expected].iter().any(|value| matches!(value, Value::Error(_) | Value::Null)) {
        return false;
    }
    match step.compare {
        Compare::Bytes | Compare::Nothing => false,
        Compare::Unordered => kind(&given) == kind(&expected) && bag(&given) == bag(&expected),
        Compare::Drawn => is_drawn_alike(step, probe, &given, &expected),
        Compare::Scanned => is_scanned_alike(step, &given, &expected),
        Compare::Seconds => is_near(&given, &expected, TOLERANCE_SECONDS),
        Compare::Millis => is_near(&given, &expected, TOLERANCE_SECONDS * 1000),
        Compare::Ages => is_of_an_age(&given, &expected),
        Compare::Greeting => without_id(&given) == without_id(&expected),
        Compare::Shape => shape(&given) == shape(&expected),
    }
}

fn kind(value: &Value) -> std::mem::Discriminant<Value> {
    std::mem::discriminant(value)
}

/// The elements of a reply, in an order of their own; the pairs of a map are elements.
fn bag(value: &Value) -> Vec<String> {
    let mut bag: Vec<String> = if let Value::Map(pairs) = value {
        pairs.iter().map(|pair| format!("{pair:?}")).collect()
    } else {
        value.as_items().unwrap_or_default().iter().map(|item| format!("{item:?}")).collect()
    };
    bag.sort_unstable();
    bag
}

/// All strings and numbers in a reply.
fn leaves(value: &Value) -> Vec<String> {
    match (value, value.as_items()) {
        (_, Some(items)) => items.iter().flat_map(leaves).collect(),
        (Value::Map(pairs), _) => {
            pairs.iter().flat_map(|(k, v)| [leaves(k), leaves(v)].concat()).collect()
        }
        (leaf, _) => vec![format!("{leaf:?}")],
    }
}

/// As many of the same kind, and all of what there was; each once unless the count is negative.
fn is_drawn_alike(step: &Step, probe: &[u8], given: &Value, expected: &Value) -> bool {
    let pool = Value::parse(probe).map(|pool| leaves(&pool)).unwrap_or_default();
    let own =
        [given, expected].iter().all(|value| leaves(value).iter().all(|leaf| pool.contains(leaf)));
    let repeats = step.command.get(2).is_some_and(|count| count.starts_with(b"-"));
    let pairs = step.command.len() > 3;
    let mut drawn = bag(given);
    drawn.dedup();
    let distinct = repeats || pairs || drawn.len() == bag(given).len();
    own && distinct && shape(given) == shape(expected)
}

/// A scan may begin anywhere and stop anywhere; one that does neither gives all there is.
fn is_scanned_alike(step: &Step, given: &Value, expected: &Value) -> bool {
    let (Some([from, given]), Some([to, expected])) = (given.as_items(), expected.as_items())
    else {
        return false;
    };
    let whole = [from, to].iter().all(|cursor| cursor.as_bytes() == Some(b"0"));
    let at = if step.command[0].eq_ignore_ascii_case(b"scan") { 1 } else { 2 };
    let whole = whole && step.command.get(at).is_some_and(|cursor| cursor == b"0");
    kind(given) == kind(expected) && (!whole || bag(given) == bag(expected))
}

/// Negative numbers are no times.
fn is_near(given: &Value, expected: &Value, tolerance: i64) -> bool {
    let (Some(given), Some(expected)) = (given.as_integer(), expected.as_integer()) else {
        return false;
    };
    given >= 0 && expected >= 0 && given.abs_diff(expected) <= tolerance.unsigned_abs()
}

/// The same all the way down, but for numbers, which are near each other.
fn is_of_an_age(given: &Value, expected: &Value) -> bool {
    let all = |given: &[Value], expected: &[Value]| {
        let alike = || given.iter().zip(expected).all(|(one, other)| is_of_an_age(one, other));
        given.len() == expected.len() && alike()
    };
    if let (Value::Map(given), Value::Map(expected)) = (given, expected) {
        let pairs = |pairs: &[(Value, Value)]| -> Vec<Value> {
            pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect()
        };
        return all(&pairs(given), &pairs(expected));
    }
    match (given.as_items(), expected.as_items()) {
        (Some(items), Some(others)) => kind(given) == kind(expected) && all(items, others),
        _ => given == expected || is_near(given, expected, TOLERANCE_SECONDS * 1000),
    }
}

fn without_id(greeting: &Value) -> Value {
    let mut greeting = greeting.clone();
    if let Value::Map(pairs) = &mut greeting {
        pairs.retain(|(key, _)| key.as_text() != Some("id"));
    } else if let Value::Array(items) = &mut greeting
        && let Some(id) = items.iter().position(|item| item.as_text() == Some("id"))
    {
        items.drain(id..(id + 2).min(items.len()));
    }
    greeting
}

fn shape(value: &Value) -> String {
    let kind = kind(value);
    match (value, value.as_items()) {
        (_, Some(items)) => format!("{kind:?}{:?}", items.iter().map(shape).collect::<Vec<_>>()),
        (Value::Map(pairs), _) => {
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| (shape(k), shape(v))).collect();
            format!("{kind:?}{pairs:?}")
        }
        _ => format!("{kind:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::command;

    fn same(line: &str, given: &str, expected: &str) -> bool {
        let command = command(line);
        let compare = line_of(&command).map_or(Compare::Bytes, |line| line.compare);
        let step = Step { command, compare };
        let probe = b"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n";
        is_same(&step, probe, given.as_bytes(), expected.as_bytes())
    }

    #[test]
    fn replies_are_the_same_only_to_the_byte() {
        assert!(same("GET k", "$1\r\na\r\n", "$1\r\na\r\n"));
        assert!(!same("GET k", "$1\r\na\r\n", "$1\r\nb\r\n"));
        assert!(!same("GET k", "$-1\r\n", "_\r\n"));
        assert!(!same("SMEMBERS k", "*0\r\n", "~0\r\n"));
        assert!(!same("SMEMBERS k", "-ERR a\r\n", "-ERR b\r\n"));
    }

    #[test]
    fn elements_of_a_set_come_in_any_order_but_are_the_same() {
        let (ab, ba) = ("*2\r\n$1\r\na\r\n$1\r\nb\r\n", "*2\r\n$1\r\nb\r\n$1\r\na\r\n");
        assert!(same("SMEMBERS k", ab, ba));
        assert!(!same("SMEMBERS k", ab, "*1\r\n$1\r\na\r\n"));
        assert!(!same("SMEMBERS k", ab, "*2\r\n$1\r\na\r\n$1\r\na\r\n"));
        assert!(!same("LRANGE k 0 -1", ab, ba));
    }

    #[test]
    fn what_is_drawn_is_of_the_set_and_as_many() {
        let ab = "*2\r\n$1\r\na\r\n$1\r\nb\r\n";
        assert!(same("SPOP k 2", ab, "*2\r\n$1\r\nc\r\n$1\r\na\r\n"));
        assert!(!same("SPOP k 2", ab, "*1\r\n$1\r\nc\r\n"));
        assert!(!same("SPOP k 2", "*2\r\n$1\r\na\r\n$1\r\nd\r\n", ab));
        assert!(!same("SPOP k 2", "*2\r\n$1\r\na\r\n$1\r\na\r\n", ab));
        assert!(same("SRANDMEMBER k -2", "*2\r\n$1\r\na\r\n$1\r\na\r\n", ab));
    }

    #[test]
    fn times_are_near_each_other_unless_they_are_none() {
        assert!(same("TTL k", ":100\r\n", ":99\r\n"));
        assert!(!same("TTL k", ":100\r\n", ":80\r\n"));
        assert!(!same("TTL k", ":-1\r\n", ":-2\r\n"));
        assert!(same("PTTL k", ":10000\r\n", ":9000\r\n"));
    }

    #[test]
    fn what_has_an_age_is_the_same_but_for_that() {
        let info = |age: u32, name: char| format!("*1\r\n*2\r\n$1\r\n{name}\r\n:{age}\r\n");
        assert!(same("XINFO CONSUMERS k g", &info(3, 'a'), &info(400, 'a')));
        assert!(!same("XINFO CONSUMERS k g", &info(3, 'a'), &info(90_000, 'a')));
        assert!(!same("XINFO CONSUMERS k g", &info(3, 'a'), &info(3, 'b')));
        assert!(!same("XINFO CONSUMERS k g", &info(3, 'a'), "*0\r\n"));
    }

    #[test]
    fn a_scan_that_is_whole_gives_the_same_keys() {
        let scanned =
            |cursor: &str, key: char| format!("*2\r\n$1\r\n{cursor}\r\n*1\r\n$1\r\n{key}\r\n");
        assert!(same("SCAN 0", &scanned("0", 'a'), &scanned("0", 'a')));
        assert!(!same("SCAN 0", &scanned("0", 'a'), &scanned("0", 'b')));
        assert!(same("SCAN 0", &scanned("7", 'a'), &scanned("0", 'b')));
        assert!(same("SCAN 7", &scanned("0", 'a'), &scanned("0", 'b')));
    }

    #[test]
    fn a_reply_that_is_missing_is_a_difference() {
        let steps = [bytes(&[b"PING"])];
        let pong = vec![b"+PONG\r\n".to_vec()];
        assert!(compare(&steps, &pong, &pong).is_ok());
        assert!(compare(&steps, &[], &pong).unwrap_err().ends_with("be +PONG\\r\\n"));
        assert!(compare(&steps, &pong, &[]).is_err());
    }
}
