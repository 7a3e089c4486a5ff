//! What every database must do, whatever its kind: a new one is put through it with one line.

mod alerts;
mod claims;
mod columns;
mod derived;
mod following;
mod growth;
mod ledger;
mod measurements;
mod pauses;
mod pool;
mod prices;
mod reports;
mod retention;
mod schema;
mod sqlite;
mod steps;
mod timings;

/// Makes a test of every check, for databases made by an expression.
macro_rules! conforms {
    ($backend:ident, $database:expr, $($idea:ident: $($check:ident),+;)+) => {
        mod $backend {
            $(mod $idea {
                $(#[tokio::test]
                async fn $check() {
                    super::super::$idea::$check($database).await;
                })+
            })+
        }
    };
}

/// The list of checks.
macro_rules! every_check {
    ($backend:ident, $database:expr) => {
        conforms! {
            $backend, $database,
            schema:
                migrations_are_applied_once,
                every_table_can_be_read_when_empty,
                prices_of_another_origin_are_refused;
            claims:
                of_two_daemons_one_wins_each_fire,
                five_thousand_fires_are_claimed_at_once,
                alike_or_not_fires_keep_their_own_numbers,
                a_claim_tells_of_the_fires_asked_for_and_no_others,
                a_fire_between_two_milliseconds_is_still_found,
                a_claimed_fire_survives_a_restart,
                a_fire_that_is_not_run_is_a_closed_row;
            ledger:
                a_run_is_told_as_it_was_written,
                outcomes_written_twice_are_there_once,
                runs_are_filtered_and_newest_first,
                manual_runs_do_not_count_as_fires,
                only_runs_of_dead_daemons_are_interrupted,
                what_has_ended_of_an_interrupted_run_is_told;
            steps:
                what_was_passed_over_and_is_still_to_come_is_forgotten;
            timings:
                what_was_known_of_a_timing_is_told_once_it_changes;
            pauses:
                pauses_are_kept_replaced_and_ended,
                failures_in_a_row_end_with_a_better_run_or_a_resumption;
            prices:
                any_finite_price_survives_bit_for_bit,
                the_same_answer_twice_writes_nothing,
                a_correction_is_stored,
                a_provisional_bar_becomes_final_and_never_back,
                an_absent_value_never_replaces_a_stored_one,
                older_bars_join_the_stored_ones,
                a_quote_never_goes_back_in_time,
                the_source_of_a_series_is_that_of_its_newest_bar,
                symbols_do_not_see_each_other;
            derived:
                the_all_time_high_follows_corrections_downwards,
                the_snapshot_is_of_the_newest_final_bar,
                a_piece_beside_the_series_is_no_part_of_the_all_time_high,
                a_restated_series_loses_the_bars_it_no_longer_has,
                snapshots_follow_corrections_and_a_restatement_drops_what_it_made_doubtful;
            following:
                runs_without_a_row_of_the_follower_are_found_and_no_others;
            alerts:
                an_alert_is_told_once_and_ends_when_the_price_is_back,
                processes_that_see_one_price_at_once_tell_it_once;
            measurements:
                samples_come_back_as_a_report,
                durations_come_back_as_a_report,
                runs_come_back_as_a_report;
            reports:
                fires_not_run_are_no_failures_and_costs_are_summed_up,
                slow_symbols_and_faults_are_counted_as_one_would_by_hand,
                requests_a_minute_are_those_of_the_minute_they_were_sent_in;
            retention:
                only_what_is_old_closed_and_not_the_newest_is_removed,
                samples_and_durations_go_by_their_own_age,
                more_rows_than_a_batch_go_and_others_write_meanwhile,
                a_prune_that_is_told_to_stop_goes_on_the_next_time;
            growth:
                alerts_that_are_over_go_and_those_that_hold_stay,
                filled_gaps_go_but_not_what_is_still_known_by_them,
                replaced_bars_go_by_their_age_in_pieces;
        }
    };
}

every_check!(on_sqlite, crate::support::database::Database::sqlite());
