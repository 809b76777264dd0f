#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@inline(__always)
func bytesAreEqual(_ first: UnsafeBufferPointer<UInt8>, _ second: UnsafeBufferPointer<UInt8>) -> Bool {
  guard first.count == second.count else { return false }
  guard let left = first.baseAddress, let right = second.baseAddress else { return true }
  return memcmp(left, right, first.count) == 0
}

/// Negative, zero or positive as `first` stands before, at or after `second` in byte order.
@inline(__always)
func compareBytes(_ first: UnsafeBufferPointer<UInt8>, _ second: UnsafeBufferPointer<UInt8>) -> Int {
  let shared = min(first.count, second.count)
  if shared > 0, let left = first.baseAddress, let right = second.baseAddress {
    let order = memcmp(left, right, shared)
    if order != 0 { return Int(order) }
  }
  return first.count - second.count
}

/// The first eight bytes as a number that orders as they do; shorter texts are filled up with zeros.
@inline(__always)
func orderingPrefix(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
  var prefix: UInt64 = 0
  for place in 0..<8 { prefix = prefix << 8 | (place < bytes.count ? UInt64(bytes[place]) : 0) }
  return prefix
}
