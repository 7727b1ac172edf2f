// Two ZeroMQ sockets in one loop: a server that answers in capitals, and a client that asks it.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <exception>
#include <memory>

#include <calloop/event_loop.hpp>

#include "calloop/examples/zeromq/source.hpp"

namespace {

struct App {
  int answers = 0;
};

std::string in_capitals(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

}  // namespace

int main() try {
  const std::unique_ptr<void, int (*)(void*)> context{zmq_ctx_new(), &zmq_ctx_term};
  zeromq::Socket server{zmq_socket(context.get(), ZMQ_REP)};
  zeromq::Socket client{zmq_socket(context.get(), ZMQ_REQ)};
  if (zmq_bind(server.get(), "inproc://capitals") != 0)
    zeromq::fail("zmq_bind");
  if (zmq_connect(client.get(), "inproc://capitals") != 0)
    zeromq::fail("zmq_connect");

  calloop::EventLoop<App> loop;
  auto [serving, answers] = zeromq::make_source(std::move(server));
  auto [asking, questions] = zeromq::make_source(std::move(client));

  loop.handle().insert_source(std::move(serving),
                              [replies = std::move(answers)](const zeromq::Message& question) {
                                replies.send(zeromq::Message{in_capitals(question.front())});
                              });
  loop.handle().insert_source(std::move(asking), [more = questions, stop = loop.signal()](
                                                     const zeromq::Message& answer, App& app) {
    std::printf("%s\n", answer.front().c_str());
    if (++app.answers == 3)
      stop.stop();
    else
      more.send(zeromq::Message{"and again"});
  });

  questions.send(zeromq::Message{"hello"});
  App app;
  loop.run(app);
} catch (const std::exception& error) {
  std::fprintf(stderr, "zeromq: %s\n", error.what());
  return 1;
}
