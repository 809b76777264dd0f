import CGradusKernels
import GradusCore

/// The posting lists of an index or of one of its segments, read where they lie in the mapped file.
final class PostingLists: @unchecked Sendable {
  // Unchecked: a pointer into the read-only mapping, which the index keeps.
  private let bytes: UnsafeRawBufferPointer
  private let documents: Int
  private let path: String
  private let fields: FieldTable?

  /// - Parameters:
  ///   - documents: Of the index or the segment.
  ///   - fields: Frequencies of the postings by field, where there are any.
  init(_ file: SectionFile, documents: Int, fields: FieldTable? = nil) throws {
    bytes = try file.bytes(.postings)
    path = file.path
    self.documents = documents
    self.fields = fields
  }

  /// Opens the list of a term. The cursor must stay where it is as long as it is used, and so must the list of a phrase.
  ///
  /// - Parameters:
  ///   - phrase: Postings that the file does not hold.
  ///   - term: What the formula needs to know about the term.
  func open(
    _ cursor: UnsafeMutablePointer<grd_cursor>, at entry: TermEntry, phrase: PhraseList? = nil, term: grd_term,
    scorer: UnsafePointer<grd_scorer>
  ) throws {
    var term = term
    let count = Int(entry.documentFrequency)
    let status: grd_postings_status
    if count == 1 {
      status = grd_cursor_open_single(
        cursor, scorer, UInt32(truncatingIfNeeded: entry.postings), UInt32(truncatingIfNeeded: entry.postings >> 32), &term)
    } else if let phrase {
      status = grd_cursor_open(cursor, phrase.base, phrase.count, count, &term)
    } else {
      guard count >= 1, count <= documents, entry.postings <= UInt64(bytes.count), let base = bytes.baseAddress else {
        throw damage
      }
      let start = Int(entry.postings)
      status = grd_cursor_open(
        cursor, (base + start).assumingMemoryBound(to: UInt8.self), bytes.count - start, count, &term)
    }
    guard status == GRD_POSTINGS_OK else { throw damage }
  }

  /// What a kernel found wrong, other than `GRD_POSTINGS_OK`.
  func damage(_ status: grd_postings_status) -> IndexError {
    status == GRD_FIELDS_MALFORMED ? fields?.damage ?? damage : damage
  }

  /// Postings that make no sense.
  var damage: IndexError { .corrupted(path: path, section: Section.postings.name) }
}
