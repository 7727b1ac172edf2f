// The names of calloop's types, for headers that only mention them. Default template arguments are
// here and nowhere else.
//
//     #include <calloop/fwd.hpp>
//     void listen(calloop::LoopHandle<Server> loop);
#pragma once

namespace calloop {

class Backend;
class Interest;
class LoopSignal;
class Observer;
class OwnedFd;
class Poll;
class Readiness;
class RegistrationToken;
class ScopedRegistration;
class Token;
class TokenFactory;
struct SourceOptions;

template <class Data = void>
class EventLoop;
template <class Data = void>
class LoopHandle;
template <class Source>
class Dispatcher;

class Ping;
class PingSource;
class Signals;
class Timer;
class Child;
template <class T>
class Channel;
template <class T>
class Sender;
template <class T>
class SyncSender;
template <class Fd>
class Generic;

}  // namespace calloop
