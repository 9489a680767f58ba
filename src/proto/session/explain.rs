//! What `PROXY ROUTE` and `PROXY TOPOLOGY` tell: where a command would go and why, and who serves
//! which slots.

use bytes::{Bytes, BytesMut};

use super::plan::{Plan, plan};
use crate::limits::ROUTE_SHOWN_MAX;
use crate::proto::cluster::{Address, Node, Route, Router, Slot};
use crate::proto::command::{Access, Command, Rules, Share, Spread, shown};
use crate::proto::resp::{Protocol, RequestDecoder, Writer};

/// Explains the command that stands behind `PROXY ROUTE`.
pub(super) fn route(
    asked: &Command<'_>,
    router: &Router,
    rules: &Rules,
    home: Slot,
) -> Vec<String> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, Protocol::Resp2);
    writer.array(asked.len() - 2);
    asked.args().skip(2).for_each(|arg| writer.bulk(arg));
    let mut decoder = RequestDecoder::default();
    let Ok(Some(frame)) = decoder.decode(&mut BytesMut::from(&bytes[..])) else {
        return vec!["refused: it is no command".to_owned()];
    };
    match rules.parse(&frame, decoder.spans()) {
        Ok(command) => explain(&command, router, rules, home),
        Err(refusal) => vec![format!("refused: {refusal}")],
    }
}

/// The runs of slots that one node serves, or none.
pub(super) fn topology(router: &Router) -> Vec<String> {
    if !router.is_cluster() {
        let server = address(router, router.route(Slot::of(b"")));
        return vec![format!("{server} is a single server")];
    }
    let mut lines = Vec::new();
    let mut run: Option<(Slot, Slot, Route)> = None;
    let mut end = |run: Option<(Slot, Slot, Route)>| {
        if let Some((first, last, to)) = run {
            lines.push(format!("{}-{} {}", first.number(), last.number(), address(router, to)));
        }
    };
    for slot in Slot::all() {
        let to = router.route(slot);
        run = match run {
            Some((first, _, before)) if before == to => Some((first, slot, to)),
            ended => {
                end(ended);
                Some((slot, slot, to))
            }
        };
    }
    end(run);
    lines
}

fn explain(command: &Command<'_>, router: &Router, rules: &Rules, home: Slot) -> Vec<String> {
    let row = command.row;
    let does = match row.access {
        Access::Read => "reads, so it may be sent again",
        Access::Write => "may write, so it is sent once",
        Access::None => "has no keys",
    };
    let name = row.name.replace('|', " ").to_uppercase();
    let mut lines = vec![format!("command: {name}, {does}"), keys(command, router)];
    if row.spread == Spread::Local {
        lines.push("answered by redpoll itself".to_owned());
        return lines;
    }
    if row.spread == Spread::Transaction {
        lines.push("a transaction: what is in it waits at redpoll until EXEC".to_owned());
        return lines;
    }
    match plan(command, router, rules, home) {
        Plan::Refuse(refusal) => lines.push(format!("refused: {refusal}")),
        Plan::Answered(words, _) => {
            let words = words.unwrap_or_default();
            lines.push(format!("refused: {}", String::from_utf8_lossy(&words[1..]).trim_end()));
        }
        Plan::One(slot, _) => {
            let to = address(router, router.route(slot));
            lines.push(format!("goes whole to {to}, {}", why(command, router, slot)));
        }
        Plan::Wait(slot, ..) => {
            let to = address(router, router.route(slot));
            lines.push(format!("waits at {to}, on a connection lent to the client"));
        }
        Plan::Count(..) => {
            let whom = "asks the primaries that the client has written to, one after the other";
            lines.push(format!("{whom}, on a connection lent to the client"));
        }
        Plan::Subscription(..) => {
            lines.push("subscribes over a connection that the worker's clients share".to_owned());
        }
        Plan::Watch(..) | Plan::Transaction(..) => {}
        Plan::Split(split, _) => {
            lines.push(how(row.spread, split.shares.len()).to_owned());
            lines
                .extend(split.shares.iter().take(ROUTE_SHOWN_MAX).map(|share| part(share, router)));
        }
    }
    lines
}

fn keys(command: &Command<'_>, router: &Router) -> String {
    let one = |at: usize| {
        let key = command.arg(at);
        let text = shown(key);
        let slot = Slot::of(key).number();
        if router.is_cluster() { format!("{text} (slot {slot})") } else { text.to_string() }
    };
    let all: Vec<_> = command.keys().take(ROUTE_SHOWN_MAX).map(one).collect();
    let more = command.keys().count() - all.len();
    match (all.is_empty(), more) {
        (true, _) => "keys: none".to_owned(),
        (false, 0) => format!("keys: {}", all.join(", ")),
        (false, more) => format!("keys: {} and {more} more", all.join(", ")),
    }
}

/// Why a command goes to one node, which serves this slot.
fn why(command: &Command<'_>, router: &Router, slot: Slot) -> String {
    if !router.is_cluster() {
        return "the only server".to_owned();
    }
    let number = slot.number();
    if command.row.spread == Spread::NamedSlot {
        return format!("the owner of slot {number}, which it names");
    }
    if command.first_key().is_none() {
        return "one of the primaries: any would do".to_owned();
    }
    format!("the owner of slot {number}")
}

/// How a command of several parts is run.
fn how(spread: Spread, parts: usize) -> String {
    if spread == Spread::Scan {
        return "runs on one primary after the other; alone; now on:".to_owned();
    }
    if spread == Spread::BySlot {
        return format!("is split by slot into {parts} parts, whose replies are merged:");
    }
    format!("runs on every primary, {parts} of them, and the replies are merged; alone:")
}

fn part(share: &Share, router: &Router) -> String {
    let to = share.node.map_or_else(|| router.route(share.slot), Route::To);
    format!("{}: {}", address(router, to), words(&share.frame))
}

/// The words of a command that goes to a node, cut.
fn words(frame: &Bytes) -> String {
    let mut decoder = RequestDecoder::default();
    let Ok(Some(frame)) = decoder.decode(&mut BytesMut::from(&frame[..])) else {
        return String::new();
    };
    let spans = decoder.spans();
    let some =
        spans.iter().take(ROUTE_SHOWN_MAX).map(|span| shown(&frame[span.range()]).to_string());
    some.collect::<Vec<_>>().join(" ")
}

fn address(router: &Router, to: Route) -> String {
    let known = |node: Node| router.address(node).map(Address::to_string);
    match to {
        Route::To(node) => known(node).unwrap_or_else(|| "a node that has left".to_owned()),
        Route::Uncovered => "no node".to_owned(),
        Route::Unknown => "a node that is not known yet".to_owned(),
    }
}
