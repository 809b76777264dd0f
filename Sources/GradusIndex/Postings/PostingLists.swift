import CGradusKernels
import GradusCore

/// The posting lists of an index or of one of its segments, read where they lie in the mapped file.
///
/// Plain pointers, no counted references: each search reads them for each of its terms, and threads that count references to the
/// same objects wait for one another.
struct PostingLists: @unchecked Sendable {
  // Unchecked: pointers into the read-only mapping. The index keeps the files.
  private let bytes: UnsafeRawBufferPointer
  private let layout: grd_list_layout
  private let section: Section
  private let documents: Int
  private unowned(unsafe) let file: SectionFile
  private unowned(unsafe) let fieldsFile: SectionFile?

  /// - Parameters:
  ///   - documents: Of the index or the segment.
  ///   - fields: Frequencies of the postings by field, where there are any.
  init(_ file: SectionFile, documents: Int, fields: FieldTable? = nil) throws {
    section = file.summary(of: .packedPostings) == nil ? .postings : .packedPostings
    layout = section == .packedPostings ? GRD_LIST_PACKED : GRD_LIST_WIDE
    bytes = try file.bytes(section)
    self.file = file
    fieldsFile = fields?.file
    self.documents = documents
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
      status = grd_cursor_open(cursor, scorer, GRD_LIST_PACKED, phrase.base, phrase.count, count, &term)
    } else {
      guard count >= 1, count <= documents, entry.postings <= UInt64(bytes.count), let base = bytes.baseAddress else {
        throw damage
      }
      let start = Int(entry.postings)
      status = grd_cursor_open(
        cursor, scorer, layout, (base + start).assumingMemoryBound(to: UInt8.self), bytes.count - start, count, &term)
    }
    guard status == GRD_POSTINGS_OK else { throw damage }
  }

  /// What a kernel found wrong, other than `GRD_POSTINGS_OK`.
  func damage(_ status: grd_postings_status) -> IndexError {
    guard status == GRD_FIELDS_MALFORMED, let fieldsFile else { return damage }
    return .corrupted(path: fieldsFile.path, section: Section.fieldFrequencies.name)
  }

  /// Postings that make no sense.
  var damage: IndexError { .corrupted(path: file.path, section: section.name) }
}
