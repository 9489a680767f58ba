//! `CLIENT KILL`: which clients are closed.

use super::super::refusal::as_c_text;
use super::super::{After, Command};
use super::{Card, Directory, of_type};
use crate::proto::resp::{Writer, parse_integer};

/// What must hold of a client that is to be closed.
#[derive(Default)]
struct Filter<'a> {
    id: Option<i64>,
    address: Option<&'a [u8]>,
    own_address: Option<&'a [u8]>,
    /// It is of a type.
    of_type: Option<fn(&Card) -> bool>,
    age_s: Option<u64>,
    /// The client that asks is not meant.
    skips_own: bool,
}

impl<'a> Filter<'a> {
    fn parse(command: &Command<'a>) -> Result<Filter<'a>, Vec<u8>> {
        let mut filter = Filter { skips_own: true, ..Filter::default() };
        let mut at = 2;
        while at < command.len() {
            let (option, value) = (command.arg(at), command.arg(at + 1));
            if at + 1 == command.len() {
                return Err("ERR syntax error".into());
            }
            filter.take(option, value)?;
            at += 2;
        }
        Ok(filter)
    }

    fn take(&mut self, option: &[u8], value: &'a [u8]) -> Result<(), Vec<u8>> {
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        let says = |word: &str| value.eq_ignore_ascii_case(word.as_bytes());
        if is("id") {
            let id = parse_integer(value).filter(|id| *id > 0);
            self.id = Some(id.ok_or("ERR client-id should be greater than 0")?);
        } else if is("type") {
            self.of_type = Some(of_type(value)?);
        } else if is("addr") {
            self.address = Some(value);
        } else if is("laddr") {
            self.own_address = Some(value);
        } else if is("user") {
            if value != b"default" {
                let name = as_c_text(value);
                return Err([b"ERR No such user '", name, b"'"].concat());
            }
        } else if is("maxage") {
            let words = "ERR maxage is not an integer or out of range";
            let age = parse_integer(value).ok_or(words)?;
            let age = u64::try_from(age).ok().filter(|age| *age > 0);
            self.age_s = Some(age.ok_or("ERR maxage should be greater than 0")?);
        } else if is("skipme") && (says("yes") || says("no")) {
            self.skips_own = says("yes");
        } else {
            return Err("ERR syntax error".into());
        }
        Ok(())
    }

    fn matches(&self, card: &Card, own: u64) -> bool {
        self.of_type.is_none_or(|of_type| of_type(card))
            && self.id.is_none_or(|id| i64::try_from(card.id) == Ok(id))
            && self.address.is_none_or(|address| card.address.as_bytes() == address)
            && self.own_address.is_none_or(|address| card.own_address.as_bytes() == address)
            && self.age_s.is_none_or(|age| card.age_s >= age)
            && !(self.skips_own && card.id == own)
    }
}

/// Closes clients; the one that asks, once it has been answered.
pub(super) fn kill(
    command: &Command<'_>,
    own: u64,
    (cards, directory): (Vec<Card>, &dyn Directory),
    writer: &mut Writer<'_>,
) -> After {
    let is_old_form = command.len() == 3;
    let filter = if is_old_form {
        Ok(Filter { address: Some(command.arg(2)), ..Filter::default() })
    } else {
        Filter::parse(command)
    };
    let filter = match filter {
        Ok(filter) => filter,
        Err(error) => {
            writer.error(error);
            return After::Continue;
        }
    };
    let found: Vec<u64> =
        cards.iter().filter(|card| filter.matches(card, own)).map(|card| card.id).collect();
    found.iter().filter(|id| **id != own).for_each(|id| directory.close(*id));
    match found.len() {
        0 if is_old_form => writer.error("ERR No such client"),
        _ if is_old_form => writer.simple("OK"),
        count => writer.integer(i64::try_from(count).unwrap_or(i64::MAX)),
    }
    if found.contains(&own) { After::Close } else { After::Continue }
}
