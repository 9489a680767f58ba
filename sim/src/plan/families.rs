//! The families of faults: what belongs together, and is switched on or off together.

use super::links::LinkFamily;

/// Faults that belong together: [`Family::description`] says what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "their descriptions are there for users to read, too")]
pub enum Family {
    Stall,
    Cut,
    Hang,
    Refuse,
    Clog,
    Reset,
    Kill,
    PowerOff,
    Slow,
    Ailment,
    Failover,
    Names,
    Password,
    Retire,
    Migration,
    Uncovered,
    Entangle,
    Leave,
    Drain,
    Deaf,
    Clients,
    Reload,
    Crash,
    OneProxy,
    Link(LinkFamily),
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 32] = [
        Family::Stall,
        Family::Cut,
        Family::Hang,
        Family::Refuse,
        Family::Clog,
        Family::Reset,
        Family::Kill,
        Family::PowerOff,
        Family::Slow,
        Family::Ailment,
        Family::Failover,
        Family::Names,
        Family::Password,
        Family::Retire,
        Family::Migration,
        Family::Uncovered,
        Family::Entangle,
        Family::Leave,
        Family::Drain,
        Family::Deaf,
        Family::Clients,
        Family::Reload,
        Family::Crash,
        Family::OneProxy,
        Family::Link(LinkFamily::OneWay),
        Family::Link(LinkFamily::Forget),
        Family::Link(LinkFamily::Narrow),
        Family::Link(LinkFamily::SlowReader),
        Family::Link(LinkFamily::Freeze),
        Family::Link(LinkFamily::Unaccepting),
        Family::Link(LinkFamily::HangingName),
        Family::Link(LinkFamily::Sticky),
    ];

    /// Whether it is drawn apart, from dice of its own.
    pub(super) const fn is_drawn_apart(self) -> bool {
        matches!(self, Family::Reload | Family::Crash | Family::OneProxy)
    }

    /// What happens, in a sentence.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Family::Stall => "nothing travels between the proxy and a node, then all arrives",
            Family::Cut => "what travels is lost, and streams are dead without a word",
            Family::Hang => "connects to a node hang",
            Family::Refuse => "connects to a node are refused",
            Family::Clog => {
                "one direction takes a few bytes more, then none; it may end in a reset"
            }
            Family::Reset => "every stream to a node is reset",
            Family::Kill => "a node's process is killed and starts again, with its data or without",
            Family::PowerOff => "a node's host loses power, without a word, and starts again",
            Family::Slow => "a node is far away",
            Family::Ailment => "a node answers with errors, garbage, half a reply, or not at all",
            Family::Failover => "a replica takes its primary's place, which may go on in the dark",
            Family::Names => "a host name has no address, or one where nobody is",
            Family::Password => "a node wants another password",
            Family::Retire => "a primary hands its slots over and leaves the topology",
            Family::Migration => "a slot moves while it is used",
            Family::Uncovered => "a slot has no owner for a while",
            Family::Entangle => "two nodes hold each other for the owner of a slot",
            Family::Leave => "a client leaves in the middle of everything",
            Family::Drain => "the proxy is told to stop, or some or all of several",
            Family::Deaf => "clients do not read what the proxy sends",
            Family::Clients => "the clients' side is slow, narrow or reset, or clients read slowly",
            Family::Reload => "the proxies are given another configuration while they serve",
            Family::Crash => "the process of a proxy is killed, and another one is started",
            Family::OneProxy => "the network between one of several proxies and a node is struck",
            Family::Link(link) => link.description(),
        }
    }

    /// A short name.
    #[must_use]
    pub fn name(self) -> String {
        let text = format!("{self:?}");
        text.trim_start_matches("Link(").trim_end_matches(')').to_owned()
    }
}
