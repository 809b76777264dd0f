#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import CGradusKernels
import GradusCore

/// How often each term of a segment stands in each field, and how long the fields are, read where they lie in the mapped file;
/// ``FieldsWriter`` has the layout.
struct FieldTable: @unchecked Sendable {
  // Unchecked: pointers into the read-only mapping, which the file keeps.
  let fields: IndexFields
  /// Of each field, of all documents of the segment.
  let tokens: [Int]
  private let frequencies: UnsafeRawBufferPointer
  private let starts: UnsafeBufferPointer<UInt64>
  private let columns: [(base: UnsafeRawPointer, width: Int)]
  let file: SectionFile

  /// - Parameters:
  ///   - terms: Of the segment's dictionary.
  ///   - tokens: Of all documents and fields.
  init(_ file: SectionFile, terms: Int, documents: Int, tokens: Int) throws {
    func damage(_ section: Section) -> IndexError { .corrupted(path: file.path, section: section.name) }
    self.file = file
    frequencies = try file.bytes(.fieldFrequencies)
    starts = try file.numbers(.fieldStarts, as: UInt64.self, count: terms + 1)
    let entries: [FieldsWriter.Entry]
    do {
      entries = try JSONDecoder().decode([FieldsWriter.Entry].self, from: Data(try file.bytes(.fieldDirectory)))
      fields = try IndexFields(metadata: entries.dropFirst(IndexFields.standard.names.count).map(\.name))
    } catch {
      throw damage(.fieldDirectory)
    }
    let lengths = try file.bytes(.fieldLengths)
    guard entries.map(\.name) == fields.names, entries.allSatisfy({ $0.tokens >= 0 && $0.tokens <= tokens }),
      entries.reduce(0, { $0 &+ $1.tokens }) == tokens
    else { throw damage(.fieldDirectory) }
    columns = try entries.map { entry in
      guard [1, 2, 4].contains(entry.width), entry.offset >= 0, entry.offset % 8 == 0, entry.offset <= lengths.count,
        entry.width * documents <= lengths.count - entry.offset, let base = lengths.baseAddress
      else { throw damage(.fieldDirectory) }
      return (base + entry.offset, entry.width)
    }
    self.tokens = entries.map(\.tokens)
  }

  func verify() throws { try file.verify { _ in true } }

  /// Tokens of a document in each field.
  func lengths(of doc: Int) -> [UInt32] { columns.indices.map { length(of: doc, field: $0) } }

  func length(of doc: Int, field: Int) -> UInt32 {
    let (base, width) = columns[field]
    let place = base + width * doc
    return switch width {
    case 1: UInt32(place.load(as: UInt8.self))
    case 2: UInt32(UInt16(littleEndian: place.load(as: UInt16.self)))
    default: UInt32(littleEndian: place.load(as: UInt32.self))
    }
  }

  /// Lets a scorer read the lengths; they stay valid as long as the segment.
  func setLengths(of scorer: inout grd_fields) {
    withUnsafeMutableBytes(of: &scorer.lengths) { lengths in
      withUnsafeMutableBytes(of: &scorer.width) { widths in
        for (field, column) in columns.enumerated() {
          lengths.storeBytes(
            of: column.base, toByteOffset: field * MemoryLayout<UnsafeRawPointer>.stride, as: UnsafeRawPointer.self)
          widths[field] = UInt8(column.width)
        }
      }
    }
  }

  /// Gives a cursor that has just been opened the frequencies of its term by field.
  ///
  /// - Parameters:
  ///   - term: Its number in the dictionary.
  ///   - buffer: Working space of the cursor: ``bufferCount`` numbers.
  func attach(to cursor: UnsafeMutablePointer<grd_cursor>, term: Int, buffer: UnsafeMutablePointer<UInt32>) throws {
    let start = starts[term]
    guard start <= UInt64(frequencies.count), let base = frequencies.baseAddress else { throw damage }
    grd_cursor_attach_fields(
      cursor, (base + Int(start)).assumingMemoryBound(to: UInt8.self), frequencies.count - Int(start), buffer)
  }

  /// Numbers of a cursor's working space.
  var bufferCount: Int { fields.names.count * Int(GRD_BLOCK) }

  /// Frequencies that make no sense.
  var damage: IndexError { .corrupted(path: file.path, section: Section.fieldFrequencies.name) }
}
