/// Dense internal number of a document in one index: its position among the documents that it has, as they were added, from 0.
///
/// Not to be stored outside the index: building it again from another order, or deleting a document, gives other numbers. The
/// external name is the docno.
public struct DocIndex: Sendable, Hashable, Comparable, RawRepresentable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// - Parameter position: `0..<2^31`.
  public init(_ position: Int) { rawValue = UInt32(position) }

  public var position: Int { Int(rawValue) }

  public static func < (first: DocIndex, second: DocIndex) -> Bool { first.rawValue < second.rawValue }
}
