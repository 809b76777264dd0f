import CGradusKernels
import GradusCore

/// The greatest contribution of each block of one posting list under one model, for a query weight of 1.
final class BlockBounds: Sendable {
  // Unsafe pointers are not Sendable by themselves: the numbers are written once, before anybody else sees the object.
  nonisolated(unsafe) let maxima: UnsafePointer<Double>
  /// The greatest magnitude of a contribution.
  let magnitude: Double
  let count: Int

  /// Reads the list of a cursor that has just been opened, with a weight of 1, to its end.
  ///
  /// - Throws: ``IndexError/corrupted(path:section:)``.
  init(_ cursor: UnsafeMutablePointer<grd_cursor>, scorer: UnsafePointer<grd_scorer>, in segment: LexicalSegment) throws {
    count = cursor.pointee.blocks
    let bounds = UnsafeMutablePointer<Double>.allocate(capacity: count)
    maxima = UnsafePointer(bounds)
    var least = 0.0, greatest = 0.0
    let status = grd_cursor_block_bounds(cursor, scorer, bounds, &least, &greatest)
    magnitude = max(-least, greatest)
    guard status == GRD_POSTINGS_OK else { throw segment.damage(status) }
  }

  deinit { maxima.deallocate() }
}

/// Bounds of the lists that have been searched with models whose bounds the skip data cannot give.
final class BlockBoundsCache: Sendable {
  private struct Contents {
    var models: [String: [UInt64: BlockBounds]] = [:]
    var blocks = 0
  }

  private let contents = Guarded(Contents())
  /// 32 MB of bounds: beyond it the cache starts anew, which costs time and changes no result.
  private static let largestCount = 1 << 22

  /// The bounds of a list under a model, found by `make` where they are not known.
  func bounds(model: String, list: UInt64, make: () throws -> BlockBounds) rethrows -> BlockBounds {
    if let known = contents.withLock({ $0.models[model]?[list] }) { return known }
    let made = try make()
    contents.withLock { contents in
      if contents.blocks + made.count > Self.largestCount { contents = Contents() }
      if contents.models[model, default: [:]].updateValue(made, forKey: list) == nil { contents.blocks += made.count }
    }
    return made
  }
}
