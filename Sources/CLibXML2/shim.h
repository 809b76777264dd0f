#pragma once
// libxml2 built with ICU shows ICU's types in its headers, and they clash with the copy of ICU inside Swift's Foundation.
// Nothing of what we use has a layout that depends on it.
#include <libxml/xmlversion.h>
#undef LIBXML_ICU_ENABLED
#include <libxml/HTMLparser.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
