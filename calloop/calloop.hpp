// All of calloop but its adapters.
//
//     #include <calloop/calloop.hpp>
//
//     calloop::EventLoop<> loop;
//     loop.handle().insert_source(calloop::Timer::after(1s), [] { std::puts("a second"); });
//     loop.dispatch(std::nullopt);
#pragma once

#include <calloop/backend.hpp>
#include <calloop/builder.hpp>
#include <calloop/clock.hpp>
#include <calloop/composed.hpp>
#include <calloop/dispatcher.hpp>
#include <calloop/event_loop.hpp>
#include <calloop/fd.hpp>
#include <calloop/interest.hpp>
#include <calloop/loop_handle.hpp>
#include <calloop/loop_signal.hpp>
#include <calloop/observer.hpp>
#include <calloop/poll.hpp>
#include <calloop/post_action.hpp>
#include <calloop/remote.hpp>
#include <calloop/scoped_registration.hpp>
#include <calloop/source.hpp>
#include <calloop/source_options.hpp>
#include <calloop/sources/channel.hpp>
#include <calloop/sources/child.hpp>
#include <calloop/sources/generic.hpp>
#include <calloop/sources/ping.hpp>
#include <calloop/sources/signals.hpp>
#include <calloop/sources/timer.hpp>
#include <calloop/sources/transient.hpp>
#include <calloop/token.hpp>
#include <calloop/version.hpp>
