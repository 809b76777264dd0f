#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// Which vectors of a segment are stored as the same bytes: together they are one node of the graph.
///
/// A graph in which each of many equal vectors is a row of its own links them to one another and loses the way to some of them,
/// and to what stands behind them.
struct EqualVectors {
  /// Number of each vector's node, by position; nodes are numbered as they appear.
  private let nodes: [UInt32]
  /// The first position of each node, ascending.
  let firsts: [Int]

  /// - Parameters:
  ///   - hashes: Of the codes, by position.
  ///   - codes: `[positions][stride]`
  ///   - scales: By position, part of what a code means.
  init(hashes: [UInt32], codes: UnsafeRawBufferPointer, stride: Int, scales: [Float]) {
    func isEqual(_ first: Int, _ second: Int) -> Bool {
      guard scales[first].bitPattern == scales[second].bitPattern, let base = codes.baseAddress else { return false }
      return memcmp(base + first * stride, base + second * stride, stride) == 0
    }
    // The first equal vector of each.
    var representatives = Array(0..<UInt32(hashes.count))
    let order = hashes.indices.sorted { hashes[$0] != hashes[$1] ? hashes[$0] < hashes[$1] : $0 < $1 }
    var known: [Int] = []
    for (place, position) in order.enumerated() {
      if place == 0 || hashes[order[place - 1]] != hashes[position] { known.removeAll(keepingCapacity: true) }
      if let first = known.first(where: { isEqual($0, position) }) {
        representatives[position] = UInt32(first)
      } else {
        known.append(position)
      }
    }
    var numbers = [UInt32](repeating: 0, count: hashes.count)
    var firsts: [Int] = []
    for position in hashes.indices {
      if representatives[position] == UInt32(position) {
        numbers[position] = UInt32(firsts.count)
        firsts.append(position)
      } else {
        numbers[position] = numbers[Int(representatives[position])]
      }
    }
    nodes = numbers
    self.firsts = firsts
  }

  var hasEqual: Bool { firsts.count < nodes.count }

  /// Positions in the order of their nodes, those of a node ascending; and where each node's begin, with the end of the last.
  func rows(in order: [UInt32]) -> (positions: [UInt32], starts: [UInt32]) {
    var starts = [UInt32](repeating: 0, count: order.count + 1)
    var place = [Int](repeating: 0, count: order.count)
    for (new, old) in order.enumerated() { place[Int(old)] = new }
    for node in nodes { starts[place[Int(node)] + 1] += 1 }
    for node in order.indices { starts[node + 1] += starts[node] }
    var next = starts
    var positions = [UInt32](repeating: 0, count: nodes.count)
    for (position, node) in nodes.enumerated() {
      positions[Int(next[place[Int(node)]])] = UInt32(position)
      next[place[Int(node)]] += 1
    }
    return (positions, starts)
  }
}
