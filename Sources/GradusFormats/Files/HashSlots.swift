/// Open addressing over positions in some list; what is compared is the caller's business.
struct HashSlots {
  /// Position + 1; 0 is free.
  private var slots: [UInt32] = []
  private var count = 0

  /// Forgets everything and makes room for `capacity` positions.
  mutating func reset(capacity: Int) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    if size == slots.count {
      for index in slots.indices { slots[index] = 0 }
    } else {
      slots = [UInt32](repeating: 0, count: size)
    }
    count = 0
  }

  /// True where another insertion should be preceded by ``reset(capacity:)`` to a larger size.
  var isFull: Bool { count * 2 >= slots.count }

  /// Puts `position` under `hash`, or returns the position that is there already and equal.
  mutating func insert(hash: UInt64, position: Int, isEqual: (Int) -> Bool) -> Int? {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      let other = Int(slots[slot]) - 1
      if isEqual(other) { return other }
      slot = (slot + 1) & mask
    }
    slots[slot] = UInt32(position + 1)
    count += 1
    return nil
  }
}
