#include <calloop/loop_descriptors.hpp>

namespace calloop {

namespace {

class LoopDescriptors final : public DispatcherBase {
 public:
  explicit LoopDescriptors(Backend& backend) noexcept : DispatcherBase{false}, backend_{backend} {}
  PostAction process_events(Readiness, Token) override {
    backend_.acknowledge_wake();
    return PostAction::Continue;
  }
  void register_with(Poll&, TokenFactory&) override {}
  void reregister_with(Poll&, TokenFactory&) override {}
  void unregister_from(Poll&) override {}
  std::optional<SyntheticEvent> before_sleep() override { return {}; }
  void before_handle_events(Events) override {}
  void destroy() noexcept override {
    this->~LoopDescriptors();
    BlockPool::free(this, sizeof(LoopDescriptors), alignof(LoopDescriptors));
  }
  [[nodiscard]] std::string_view type_name() const noexcept override { return "the loop"; }

 private:
  Backend& backend_;
};

}  // namespace

DispatcherRef make_loop_descriptors(BlockPool& blocks, Backend& backend) {
  void* const memory = blocks.allocate(sizeof(LoopDescriptors), alignof(LoopDescriptors));
  return DispatcherRef{::new (memory) LoopDescriptors{backend}};
}

}  // namespace calloop
