//! What a client hears of beside the replies to its commands.

use super::Client;
use crate::net::Net;
use crate::proto::pubsub::Message;
use crate::stats::ClientEnd;

impl<N: Net> Client<N> {
    /// Hands on what the session wants of whoever is subscribed for it.
    pub(super) fn pass_wishes(&mut self) {
        while let Some(wish) = self.session.poll_wish() {
            let hub = &self.listening.backend.hub;
            let seat = self.seat.get_or_insert_with(|| hub.seat(self.number, self.myself.clone()));
            seat.wish(wish);
        }
    }

    /// Another view of the upstream is in use: whoever is subscribed for the client by the one
    /// before lets go of it.
    pub(super) fn change_seat(&mut self) {
        if self.seat.take().is_some() {
            self.session.resubscribe();
        }
    }

    /// Something was published, and heard by the view of that configuration: by the one before, if
    /// it was on its way here, and then the one in use may have heard it, too. What the one before
    /// has said already, the one in use may say again, where its connection is slower.
    pub(super) fn hear(&mut self, configuration: u64, message: &Message) {
        if configuration == self.listening.backend.configuration {
            self.session.receive_message(message);
        }
    }

    /// Why a client is closed that leaves too much unread.
    pub(super) fn overflow(&self) -> ClientEnd {
        if !self.session.is_subscribed() {
            return ClientEnd::Overflown;
        }
        let (client, channels) = (self.number, self.session.subscriptions());
        tracing::info!(
            client,
            channels,
            "a subscriber leaves more than subscriber_output_bytes_max unread and is disconnected"
        );
        ClientEnd::Subscriber
    }

    /// Lets go of what a client is subscribed to that asks nothing any more.
    pub(super) fn end_subscriptions(&mut self, ending: bool) {
        if ending && self.session.is_answered() {
            self.session.unsubscribe_all();
        }
    }
}
