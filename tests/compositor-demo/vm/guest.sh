# What the guest does: devices and a seat, then whatever the host says on the port named "control".
# /out is the directory that is shared with it.
for module in virtio_console virtio_gpu virtio_input evdev uinput xhci_pci usbhid hid_generic; do modprobe $module; done
mount -t debugfs debugfs /sys/kernel/debug
/lib/systemd/systemd-udevd --daemon 2>/dev/null
# Asking for everything would cost seconds.
udevadm trigger --action=add --subsystem-match=input --subsystem-match=drm \
  --subsystem-match=graphics
udevadm settle -t 60
mkdir -p /run/user
export XDG_RUNTIME_DIR=/run/user WAYLAND_DISPLAY=wayland-1 LC_ALL=C.UTF-8 LIBSEAT_BACKEND=seatd XCURSOR_PATH=/none
port() {
  for name in /sys/class/virtio-ports/*/name; do
    if [ "$(cat "$name")" = "$1" ]; then name=${name%/name}; echo "/dev/${name##*/}"; fi
  done
}
EVENTS=$(port events)
export EVENTS
control=$(port control)
# It can be opened once only.
exec sh <>"$control" >&0 2>&0
