# SPDX-License-Identifier: MIT
#
# The viewer in the browser: one page, made from viewer/ by esbuild, with its libraries in it. They
# come from npm, pinned by viewer/package-lock.json, into the build folder; neither `make` nor
# `make run` needs them.

VIEWER_OUT := $(BUILD)/viewer
VIEWER_PAGE := $(VIEWER_OUT)/viewer.html
VIEWER_SRC := $(wildcard viewer/src/*.* viewer/src/*/*.*) viewer/build.mjs include/trace/schema.json
VIEWER_MODULES := $(VIEWER_OUT)/node_modules/installed

.PHONY: page page-libraries
page: $(VIEWER_PAGE)
page-libraries: $(VIEWER_MODULES)

$(VIEWER_MODULES): viewer/package.json viewer/package-lock.json | $(SETUP_WEB)
	$(call say,NPM,viewer/package-lock.json)
	@mkdir -p $(VIEWER_OUT)
	$(Q)cp $^ $(VIEWER_OUT)
	$(Q)cd $(VIEWER_OUT) && npm ci --no-audit --no-fund --ignore-scripts >npm.log 2>&1 || { cat npm.log >&2; false; }
	@touch $@

$(VIEWER_PAGE): $(VIEWER_SRC) $(VIEWER_MODULES)
	$(call say,PAGE,$@)
	$(Q)node viewer/build.mjs $(VIEWER_OUT)

# Pictures of the viewer in the documents, each of a scene recorded anew.
PICTURE_SCENES := p-allocator p-fork p-forkexit p-trees p-cow p-file p-stack p-guard
PICTURE_CHAPTERS := $(foreach chapter,$(wildcard docs/guide/[0-9]-*.md),guide-$(firstword $(subst -, ,$(notdir $(chapter)))))
PICTURE_TRACES := $(patsubst %,$(VIEWER_OUT)/%.trace,$(PICTURE_SCENES) $(PICTURE_CHAPTERS))

.PHONY: pictures
pictures: setup-check $(VIEWER_PAGE) $(PICTURE_TRACES)
	$(Q)VIEWER_OUT=$(VIEWER_OUT) node viewer/test/pictures.js docs/pictures \
	    $(foreach scene,$(PICTURE_SCENES) $(PICTURE_CHAPTERS),$(scene)=$(VIEWER_OUT)/$(scene).trace)

$(VIEWER_OUT)/guide-%.trace: $(KERNEL) $(INITRAMFS) docs/guide
	$(call say,RECORD,$@)
	$(Q)python3 tools/guide.py --record $* $@ -- --mem 64M --kernel $(KERNEL) --initramfs $(INITRAMFS) >$@.log 2>&1

$(VIEWER_OUT)/%.trace: $(KERNEL) $(INITRAMFS)
	$(call say,RECORD,$@)
	$(Q)./quire record --force -o $@ --mem 64M --kernel $(KERNEL) --initramfs $(INITRAMFS) -- $* >$@.log 2>&1
