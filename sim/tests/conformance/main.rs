//! What a byte stream does: each behaviour is written once, against the proxy's own [`Net`], and
//! holds on the sockets of the operating system and in the simulation. So what the simulator finds
//! can happen, and what can happen is not missing in it.
//!
//! ```text
//! a behaviour -> Lab: two sites, their streams and doors -> on_sockets: 127.0.0.1, tokio
//!                                                        '> simulated: two hosts, several seeds
//! ```
//!
//! `docs/network.md` lists them all; a test keeps the list true.
//!
//! [`Net`]: redpoll::net::Net

#![expect(clippy::unwrap_used, reason = "a behaviour that cannot be tried does not hold")]

mod connecting;
mod ending;
mod lab;
mod naming;
mod streaming;
mod table;

use table::behaviours;

behaviours! {
    "Reading and writing" streaming {
        bytes_arrive_in_the_order_in_which_they_were_written,
        a_read_gives_what_is_there_and_waits_for_no_more,
        a_read_into_a_small_buffer_leaves_the_rest,
        a_waiting_read_is_woken_by_bytes,
        an_empty_read_takes_nothing_and_is_not_the_end,
        an_empty_write_takes_nothing,
        a_vectored_write_takes_its_slices_in_order,
        a_vectored_write_of_nothing_takes_nothing,
        a_vectored_write_is_taken_in_part_where_there_is_no_room,
        a_large_transfer_arrives_whole,
        two_large_transfers_pass_each_other,
        a_writer_whose_reader_does_not_read_is_stopped,
        a_stopped_writer_goes_on_when_its_reader_reads,
        a_stream_that_is_stopped_one_way_works_the_other_way,
        a_stopped_stream_does_not_stop_its_neighbour,
        a_read_that_is_given_up_loses_nothing,
        a_write_that_is_given_up_has_sent_nothing,
        a_flush_waits_for_nobody,
        small_writes_are_not_held_back,
        one_half_of_a_split_stream_can_be_dropped,
    }
    "Ending" ending {
        the_end_is_read_as_nothing_after_all_that_was_sent,
        the_end_is_read_again_and_again,
        a_waiting_read_is_woken_by_the_end,
        who_has_ended_still_reads,
        who_was_told_of_the_end_still_writes,
        a_write_after_the_own_end_is_a_broken_pipe,
        to_end_twice_is_no_error,
        a_close_lets_arrive_what_was_sent_before,
        a_close_with_bytes_unread_resets,
        what_came_before_a_reset_can_still_be_read,
        a_reset_is_told_once,
        a_write_that_finds_a_reset_is_told_so,
        a_waiting_read_is_woken_by_a_reset,
        a_stopped_writer_is_woken_by_a_reset,
        writes_to_who_has_closed_end_in_a_broken_pipe,
        who_closes_under_a_writer_stops_it,
        both_can_end_at_once,
        both_can_close_at_once,
        a_stream_that_ends_leaves_its_neighbour_alone,
        to_end_a_stream_that_was_reset_is_no_error,
    }
    "Connecting" connecting {
        a_connect_where_nobody_listens_is_refused,
        a_connect_to_a_listener_that_is_gone_is_refused,
        what_waited_at_a_listener_that_is_gone_is_reset,
        a_port_in_use_cannot_be_bound,
        a_port_that_was_given_up_can_be_bound_again,
        port_0_is_a_free_one,
        the_address_of_another_host_cannot_be_bound,
        a_connection_is_made_before_it_is_accepted,
        a_waiting_accept_is_woken,
        connections_are_accepted_in_the_order_in_which_they_were_made,
        the_address_of_a_peer_is_its_own,
        many_connect_at_once,
        a_connect_beyond_the_backlog_waits_for_room,
        a_connect_that_hangs_can_be_given_up,
        a_connect_that_is_given_up_harms_nobody,
        an_accept_that_is_given_up_loses_no_connection,
    }
    "Names, tasks and options" naming {
        a_literal_address_is_its_own_name,
        a_name_has_addresses_at_the_port_asked_for,
        a_name_that_nobody_has_is_an_error,
        of_several_addresses_the_first_that_answers_is_used,
        a_task_runs_beside_who_spawned_it,
        keepalive_can_be_asked_for,
    }
}
