# SPDX-License-Identifier: Apache-2.0
# Targets for people; "make help" lists them.
#
# Variables:
#   B              output directory (build)
#   KVER, KDIR     kernel release to build for and its build directory (the running one)
#   KERNEL         kernel of the VM: a line of scripts/root/kernels
#   PREFIX         /usr/local; DESTDIR is put in front of every installed path
#   KERNEL_SOURCE  source of the enclave kernel: a directory, or an archive as Debian's
#                  linux-source-6.12 installs one
#   ENCLAVE_KERNEL ready enclave kernel to use instead, a bzImage, with its configuration
#                  beside it in bzImage.config, and vmlinux for install-guest-debug
#   W=1            more warnings of the modules; WERROR=1 makes them errors
#
# vm, demo and the checks need no kernel headers or libraries: they build in a
# Debian 13 root of their own (tests/README.md).

top := $(CURDIR)
B ?= build
out := $(abspath $(B))

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
modules_out := $(out)/modules/$(KVER)

PREFIX ?= /usr/local
prefix ?= $(PREFIX)
bindir ?= $(prefix)/bin
sbindir ?= $(prefix)/sbin
libexecdir ?= $(prefix)/libexec
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
bashdir ?= $(datadir)/bash-completion/completions
# Debian keeps the other directory below /usr for administrators.
zshdir ?= $(datadir)/zsh/$(if $(and $(filter /usr,$(prefix)),$(wildcard /etc/debian_version)),vendor-completions,site-functions)
fishdir ?= $(datadir)/fish/vendor_completions.d
srcdir ?= /usr/src
# Where debuggers look, whatever the prefix.
debugdir ?= /usr/lib/debug
sysconfdir ?= /etc
# Where systemd and udev look: below /usr/lib for a package, in /etc otherwise.
confdir ?= $(if $(filter /usr,$(prefix)),/usr/lib,$(sysconfdir))
unitdir := $(confdir)/systemd/system
units := ne-emud.service ne-emu-setup.service ne-emu@.service

KERNEL ?=
series = $(subst $() ,|,$(strip $(shell grep -v "^\#" scripts/root/kernels)))
INSTALL ?= install
SCDOC := $(shell command -v scdoc)

all: modules userspace man completion

### Building ###

# Objects must not lie in the source tree, which several kernels share: kbuild
# runs in a directory of links to the sources.
driver_sources := Kbuild VERSION $(shell find driver include -type f)

modules: $(modules_out)/.built

$(modules_out)/.built: $(driver_sources)
	@test -d $(KDIR) || { echo "no kernel headers in $(KDIR):" \
		"install linux-headers-$(KVER), or set KVER or KDIR" >&2; exit 1; }
	@mkdir -p $(@D)
	cp -rsf $(addprefix $(top)/,Kbuild VERSION driver include) $(@D)/
	find $(@D) -xtype l -delete
	$(MAKE) -C $(KDIR) M=$(@D) $(if $(WERROR),KCFLAGS=-Werror) modules
	@touch $@

userspace:
	$(MAKE) -C userspace O=$(out)/userspace prefix=$(prefix) libexecdir=$(libexecdir) \
		datadir=$(datadir)

# What says how they are called, and so what is generated from that.
programs := $(addprefix $(out)/userspace/,ne-emu ne-emu-ca ne-emud)

$(programs): userspace ;

manuals := $(patsubst Documentation/man/%.scd,$(out)/man/%,$(wildcard Documentation/man/*.scd))

man: $(if $(SCDOC),$(manuals))

$(out)/man/%: Documentation/man/%.scd scripts/manual.sh $(programs)
	@mkdir -p $(@D)
	scripts/manual.sh $(out)/userspace < $< > $@.scd
	$(SCDOC) < $@.scd > $@.part
	@# The mark that makes readers run tbl; scdoc leaves it out.
	! grep -q '^\.TS' $@.part || sed -i "1i '\\\\\" t" $@.part
	mv $@.part $@
	rm $@.scd

completion := $(addprefix $(out)/completion/,$(foreach p,$(notdir $(programs)),\
	bash/$(p) zsh/_$(p) fish/$(p).fish))

completion: $(completion)

generate = @mkdir -p $(@D) && $< --completion $(1) > $@.part && mv $@.part $@

$(out)/completion/bash/%: $(out)/userspace/%
	$(call generate,bash)

$(out)/completion/zsh/_%: $(out)/userspace/%
	$(call generate,zsh)

$(out)/completion/fish/%.fish: $(out)/userspace/%
	$(call generate,fish)

# What comes with enclaves: kernel, init, and an image to try them with.
KERNEL_SOURCE ?= $(firstword $(wildcard /usr/src/linux-source-6.12.tar.xz /usr/src/linux-source-6.12))
guest_out := $(out)/guest

guest: $(guest_out)/sample.eif

$(guest_out)/bzImage: image/kernel.config image/build-kernel.sh $(if $(ENCLAVE_KERNEL),FORCE)
ifdef ENCLAVE_KERNEL
	@mkdir -p $(@D)
	cmp -s $(ENCLAVE_KERNEL) $@ || cp $(ENCLAVE_KERNEL) $@
	cp $(ENCLAVE_KERNEL).config $@.config
else
	@test -e "$(KERNEL_SOURCE)" || { echo "no kernel source: install linux-source-6.12," \
		"or set KERNEL_SOURCE" >&2; exit 1; }
	image/build-kernel.sh image/kernel.config $(KERNEL_SOURCE) $(@D)
endif

# The programs are what they were if nothing changed, so this costs nothing to repeat.
$(guest_out)/sample.eif: $(guest_out)/bzImage userspace FORCE
	$(MAKE) -C image OUTPUT=$(guest_out)
	image/build.sh $< $(out)/userspace/guest/init $(out)/userspace/ne-emu $@ $(guest_out)/payload

# How each file is compiled, for editors: userspace, and the modules where the headers are.
compile_commands.json: userspace $(if $(wildcard $(KDIR)),modules)
	scripts/compile-commands.py $(out)/userspace \
		$(if $(wildcard $(KDIR)),$(modules_out) $(KDIR)) > $@.part
	mv $@.part $@

clean:
	rm -rf $(out) compile_commands.json

### Installing ###

define newline


endef

# $(call put,MODE,FILES,DIRECTORY)
put = $(if $(strip $(2)),$(INSTALL) -D -m $(1) -t $(DESTDIR)$(3) $(2))

install: userspace man completion
	$(call put,755,$(out)/userspace/ne-emu,$(bindir))
	$(call put,755,$(out)/userspace/ne-emud $(out)/userspace/ne-emu-ca,$(sbindir))
	$(call put,755,$(out)/userspace/ne-emu-vmm,$(libexecdir)/ne-emu)
	$(foreach n,1 4 5 7 8,$(call put,644,$(if $(SCDOC),$(filter %.$(n),$(manuals))),$(mandir)/man$(n))$(newline))
	$(foreach s,bash zsh fish,$(call put,644,$(filter $(out)/completion/$(s)/%,$(completion)),$($(s)dir))$(newline))
	$(call put,644,packaging/udev/60-ne-emu.rules,$(confdir)/udev/rules.d)
	$(call put,644,packaging/sysusers.d/ne-emu.conf,$(confdir)/sysusers.d)
	$(call put,644,packaging/tmpfiles.d/ne-emu.conf,$(confdir)/tmpfiles.d)
	$(INSTALL) -d $(DESTDIR)$(unitdir)/multi-user.target.wants
	$(foreach u,$(units),sed 's,@sbindir@,$(sbindir),; s,@bindir@,$(bindir),' \
		packaging/systemd/$(u).in > $(DESTDIR)$(unitdir)/$(u)$(newline))
	$(INSTALL) -d $(DESTDIR)$(sysconfdir)/ne-emu/enclaves
	ln -sf ../ne-emu-setup.service $(DESTDIR)$(unitdir)/multi-user.target.wants/
	$(foreach d,modprobe.d modules-load.d,test -e $(DESTDIR)$(sysconfdir)/$(d)/nitro-enclaves-emu.conf || \
		$(call put,644,packaging/$(d)/nitro-enclaves-emu.conf,$(sysconfdir)/$(d))$(newline))
	@test -n "$(DESTDIR)" || echo "now: systemd-sysusers && systemd-tmpfiles --create" \
		"&& systemctl daemon-reload && udevadm control --reload"

# A later kernel for aarch64 is to be called Image, as AWS calls it.
install-guest: guest
	$(call put,755,$(out)/userspace/guest/init,$(libexecdir)/ne-emu/guest)
	$(call put,644,$(addprefix $(guest_out)/,bzImage bzImage.config sample.eif),$(datadir)/ne-emu)
	$(INSTALL) -m 644 image/cmdline $(DESTDIR)$(datadir)/ne-emu/bzImage.cmdline

# vmlinux and the commands of gdb that belong to it, in the places where debuggers look for what
# belongs to $(datadir)/ne-emu/bzImage: by its path and by its build id.
kernel_debug = $(if $(ENCLAVE_KERNEL),$(dir $(ENCLAVE_KERNEL)),$(guest_out)/)
guest_debug = $(debugdir)$(datadir)/ne-emu
build_id = $(shell readelf -n $(kernel_debug)vmlinux 2> /dev/null | sed -n 's/^ *Build ID: \(..\)\(.*\)/\1\/\2/p')

install-guest-debug: $(guest_out)/bzImage
	@test -e $(kernel_debug)vmlinux || { echo "no vmlinux beside $(ENCLAVE_KERNEL)" >&2; exit 1; }
	$(call put,644,$(addprefix $(kernel_debug),vmlinux vmlinux-gdb.py),$(guest_debug))
	$(call put,644,$(wildcard $(kernel_debug)scripts/gdb/linux/*.py),$(guest_debug)/scripts/gdb/linux)
	$(INSTALL) -d $(DESTDIR)$(debugdir)/.build-id/$(patsubst %/,%,$(dir $(build_id)))
	ln -sf ../..$(datadir)/ne-emu/vmlinux $(DESTDIR)$(debugdir)/.build-id/$(build_id).debug

# With DESTDIR there is no complete module tree to run depmod on.
modules_install: modules
	$(MAKE) -C $(KDIR) M=$(modules_out) INSTALL_MOD_PATH=$(DESTDIR) \
		INSTALL_MOD_DIR=updates CONFIG_MODULE_SIG_ALL= \
		$(if $(DESTDIR),DEPMOD=true) modules_install

# The sources of the modules for DKMS: "dkms install nitro-enclaves-emu/VERSION".
dkms_tree = $(DESTDIR)$(srcdir)/nitro-enclaves-emu-$(shell cat VERSION)

dkms-tree:
	$(INSTALL) -d $(dkms_tree)
	cp -r Kbuild VERSION dkms.conf driver include $(dkms_tree)/
	rm -r $(dkms_tree)/driver/*/tests

# The configuration in modprobe.d and modules-load.d may have been edited and stays.
uninstall:
	rm -f $(addprefix $(DESTDIR),$(bindir)/ne-emu $(sbindir)/ne-emud \
		$(sbindir)/ne-emu-ca \
		$(foreach m,$(notdir $(manuals)),$(mandir)/man$(patsubst .%,%,$(suffix $(m)))/$(m)) \
		$(foreach s,bash zsh fish,$(addprefix $($(s)dir)/,$(notdir $(filter $(out)/completion/$(s)/%,$(completion))))) \
		$(confdir)/udev/rules.d/60-ne-emu.rules \
		$(confdir)/sysusers.d/ne-emu.conf $(confdir)/tmpfiles.d/ne-emu.conf \
		$(addprefix $(unitdir)/,$(units) multi-user.target.wants/ne-emu-setup.service))
	rm -rf $(addprefix $(DESTDIR),$(libexecdir)/ne-emu $(datadir)/ne-emu $(guest_debug))
	test ! -d $(DESTDIR)$(debugdir)/.build-id || \
		find $(DESTDIR)$(debugdir)/.build-id -lname '../..$(datadir)/ne-emu/vmlinux' -delete
	rm -f $(addprefix $(DESTDIR)/lib/modules/$(KVER)/updates/,\
		$(foreach m,nitro_enclaves_emu ne_emu_vsock,$(m).ko $(m).ko.xz $(m).ko.zst))
	$(if $(DESTDIR),,depmod $(KVER))

# In a root of its own, as those of the tests.
deb:
	@scripts/prepare.sh deb
	@packaging/deb.sh $(out)/deb $(VERSION)

### The VM ###

# Everything that is installed in the VM, for all of its kernels.
payload:
	@scripts/vm/payload.sh $(out)/vm

vm:
	@scripts/prepare.sh vm
	@scripts/vm/vm.sh $(if $(KERNEL),--kernel $(KERNEL)) \
		--payload $(out)/vm/payload.tar --log $(out)/log/vm --shell

vm-run: export CMD := $(CMD)
vm-run: payload
	@test -n "$$CMD" || { echo "usage: make vm-run CMD='...' [KERNEL=SERIES]" >&2; exit 2; }
	@scripts/vm/vm.sh $(if $(KERNEL),--kernel $(KERNEL)) \
		--payload $(out)/vm/payload.tar --log $(out)/log/vm --command "$$CMD"

demo:
	@scripts/prepare.sh demo
	@scripts/vm/vm.sh $(if $(KERNEL),--kernel $(KERNEL)) \
		--payload $(out)/vm/payload.tar --log $(out)/log/demo \
		--command /opt/ne-emu/demo.sh

### Checking ###

PARTS := style build unit eif attest kunit abi lifecycle clients container daily inside vsock
EXTRA := quick nsm debug analyze lint packages install reproducible

check:
	@scripts/prepare.sh check
	@tests/run.sh $(PARTS)

$(addprefix check-,$(PARTS) $(EXTRA)): check-%:
	@tests/run.sh $*

kunit: check-kunit

lint: check-lint

analyze: check-analyze

# On this host; check-abi runs the same programs in the VM.
kselftest:
	@tests/lib/kselftest.sh --check
	$(MAKE) -C tests/abi OUTPUT=$(out)/abi INSTALL_PATH=$(out)/abi/host install
	@tests/lib/kselftest.sh $(out)/abi/host

# With syzkaller's own compiler: SYZKALLER=/path/to/its/source/tree.
check-syzkaller: export SYZKALLER := $(SYZKALLER)
check-syzkaller:
	@tests/syzkaller/check.sh

# TIME seconds with the seed SEED (default: another one each time).
stress:
	@NE_STRESS_TIME=$(or $(TIME),600) NE_STRESS_SEED=$(SEED) \
		tests/debug/run.sh abi/stress_test

# All of them, or make bench BENCH="nsm eif".
bench:
	@scripts/prepare.sh bench
	@tests/bench/run.sh $(BENCH)

# Lines and branches that the inputs in tests/fuzz/corpus and $(FOUND) reach.
fuzz-coverage:
	@tests/fuzz/coverage.sh $(FOUND)

# A fuzz target for TIME seconds: make fuzz TARGET=loader TIME=600
fuzz:
	@tests/fuzz/run.sh "$(TARGET)" $(or $(TIME),60)

# The netlink files that are made from the YAML description.
regen:
	scripts/root/enter.sh scripts/regen-netlink.sh /usr/src/linux-source

help:
	@echo 'Building:   all, modules [KVER=], userspace, man, completion, clean'
	@echo '            guest      kernel and init of enclaves, sample image [KERNEL_SOURCE=]'
	@echo 'Installing: install, install-guest, modules_install, uninstall [PREFIX=, DESTDIR=, KVER=]'
	@echo '            install-guest-debug  vmlinux of the enclave kernel below /usr/lib/debug'
	@echo '            dkms-tree  sources for DKMS below /usr/src [DESTDIR=]'
	@echo '            deb        Debian packages in build/deb [VERSION=]'
	@echo 'Trying:     demo       an enclave and its console, in a VM'
	@echo '            vm         root shell in the VM [KERNEL=$(series)]'
	@echo "            vm-run     CMD='...' in the VM [KERNEL=]"
	@echo 'Checking:   check      all parts below that do not say otherwise'
	@$(foreach p,$(PARTS) $(EXTRA),printf '            check-%-9s %s\n' $(p) "$$(sed -n 's/^# $(p): //p' tests/run.sh)";)
	@echo '            kselftest  the programs of check-abi on this host'
	@echo '            kunit, lint, analyze: as check-...'
	@echo '            stress     random operations and kills on the debug kernel [TIME=600 SEED=]'
	@echo '            check-syzkaller  the description for fuzzing [SYZKALLER=]'
	@echo '            bench      speed, beside that of others [BENCH=NAME KERNEL=]'
	@echo '            fuzz       TARGET=... [TIME=seconds], see tests/fuzz'
	@echo '            fuzz-coverage  what the inputs in tests/fuzz/corpus reach'
	@echo 'Sources:    regen      netlink files from their description'

.PHONY: all modules userspace guest man completion clean install install-guest install-guest-debug FORCE deb modules_install dkms-tree uninstall payload \
	vm vm-run demo check $(addprefix check-,$(PARTS) $(EXTRA)) kselftest kunit lint analyze \
	check-syzkaller stress bench fuzz fuzz-coverage regen help
